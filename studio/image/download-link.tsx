import type { ComponentChildren } from "preact";
import { save } from "./save.ts";

interface DownloadLinkProps {
  /** `undefined` until it is known. */
  readonly url: string | undefined;
  readonly name: string;
  readonly class: string;
  readonly children: ComponentChildren;
}

/** Saves a picture. It is a link, so that the browser's own menu offers what it does with links. */
export function DownloadLink({ url, name, children, ...props }: DownloadLinkProps) {
  if (url === undefined) return <span {...props}>{children}</span>;
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void save(url, name);
  };
  return (
    <a {...props} href={url} download={name} onClick={onClick}>
      {children}
    </a>
  );
}
