import { toStudioError } from "../../api/errors.ts";
import { takeAgain } from "../../create/again.ts";
import { modelName } from "../../dock/model-name.ts";
import { hrefOf } from "../../router.ts";
import type { Generation } from "../../state/generations.ts";
import { FailureCard } from "../../ui/failure-card.tsx";
import { Icon } from "../../ui/icon.tsx";
import { showToast } from "../../ui/toast.tsx";
import { explainCode, explainError } from "../../words/error-words.ts";
import { moment, money, number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { filter } from "../filter/filter.ts";
import { NothingFound } from "../filter/nothing-found.tsx";
import {
  deleteUnsuccessful,
  hasMoreUnsuccessful,
  loadMoreUnsuccessful,
  unsuccessful,
  unsuccessfulFailure,
} from "./unsuccessful.ts";
import { WhenNear } from "./when-near.tsx";

const t = words(
  {
    failed: "Generations that failed, newest first",
    canceled: "Cancelled generations, newest first",
    wasCanceled: "Cancelled",
    arrived: (images: string, n: string) => `${images} of ${n} pictures arrived`,
    again: "Use again",
    remove: "Delete",
  },
  {
    failed: "失败的生成，最新的在前",
    canceled: "已取消的生成，最新的在前",
    wasCanceled: "已取消",
    arrived: (images: string, n: string) => `${n} 张中送达 ${images} 张`,
    again: "再次使用",
    remove: "删除",
  },
);

/** Generations without all of their pictures: why they failed, and what they cost. */
export function UnsuccessfulList() {
  const generations = unsuccessful.value;
  const failure = unsuccessfulFailure.value;
  if (generations?.length === 0 && !hasMoreUnsuccessful.value) return <NothingFound />;
  return (
    <>
      <ul class="unsuccessful" aria-label={filter.value.shown === "canceled" ? t.canceled : t.failed}>
        {generations?.map((generation) => (
          <Unsuccessful key={generation.id} generation={generation} />
        ))}
      </ul>
      {failure ? (
        <FailureCard failure={failure} onRetry={loadMoreUnsuccessful} />
      ) : (
        <WhenNear key={generations?.length} onNear={loadMoreUnsuccessful} />
      )}
    </>
  );
}

function Unsuccessful({ generation }: { readonly generation: Generation }) {
  const { id, prompt, model, createdAt, failure, cost, n, images } = generation;
  const isDeclined = failure?.code === "CONTENT_REJECTED";
  const remove = () =>
    deleteUnsuccessful(id).catch((error) => {
      showToast(explainError(toStudioError(error)).title);
    });
  const [first] = images;
  return (
    <li>
      <span class={isDeclined ? "warn" : failure ? "bad" : "quiet"}>
        <Icon name={isDeclined ? "no" : failure ? "warn" : "stop"} />
      </span>
      <div>
        <p class="written" dir="auto">
          {prompt}
        </p>
        <p class="quiet">{failure ? explainCode(failure.code).title : t.wasCanceled}</p>
        <p class="meta num">
          {modelName(model)} · {moment(createdAt)}
          {cost !== null && ` · ${money(cost)}`}
          {first && (
            <>
              {" · "}
              <a class="link" href={hrefOf("image", first.id)}>
                {t.arrived(number(images.length), number(n))}
              </a>
            </>
          )}
        </p>
      </div>
      <button type="button" class="btn small soft" onClick={() => takeAgain(generation)}>
        {t.again}
      </button>
      <button type="button" class="icon-btn" aria-label={t.remove} title={t.remove} onClick={remove}>
        <Icon name="bin" />
      </button>
    </li>
  );
}
