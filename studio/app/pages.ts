import type { ComponentType } from "preact";
import { Home } from "../create/home.tsx";
import type { PageProps } from "../router.ts";
import { lazy } from "../ui/lazy.tsx";
import { PAGE_NAMES, type PageName } from "./page-names.ts";

interface Page {
  readonly Component: ComponentType<PageProps>;
  /** Whether the bar with the navigation stands above it. */
  readonly hasTopBar: boolean;
}

/** The first page. It is part of the first script, all others are loaded when they are opened. */
const HOME: Page = { Component: Home, hasTopBar: true };

/** The other pages, by the first part of their addresses. */
const PAGES: Readonly<Record<PageName, Page>> = {
  admin: {
    Component: lazy(async () => (await import("../admin/admin-page.tsx")).AdminPage),
    hasTopBar: true,
  },
  image: {
    Component: lazy(async () => (await import("../image/image-page.tsx")).ImagePage),
    hasTopBar: false,
  },
  compare: {
    Component: lazy(async () => (await import("../image/compare-page.tsx")).ComparePage),
    hasTopBar: false,
  },
  edit: {
    Component: lazy(async () => (await import("../edit/edit-page.tsx")).EditPage),
    hasTopBar: false,
  },
};

/** The page whose addresses begin with this part. All other addresses show the first page. */
export function pageNamed(part: string): Page {
  const name = PAGE_NAMES.find((each) => each === part);
  return name === undefined ? HOME : PAGES[name];
}
