import { start } from "./app/start.ts";
import { loadMore } from "./gallery/pictures.ts";
import { place } from "./router.ts";
import "./create/price.ts";

// The first answers are on their way while the browser still loads the code that shows them.
void start();
if (place.value.path.length === 0) void loadMore();
void import("./app/show.tsx");
