import type { ComponentType } from "preact";
import { Home } from "../create/home.tsx";
import type { PageProps } from "../router.ts";
import { lazy } from "../ui/lazy.tsx";

interface Page {
  readonly Component: ComponentType<PageProps>;
  /** Whether the bar with the navigation stands above it. */
  readonly hasTopBar: boolean;
}

/** The first page. It is part of the first script, all others are loaded when they are opened. */
export const HOME: Page = { Component: Home, hasTopBar: true };

/** The other pages, by the first part of their addresses. */
export const PAGES: Readonly<Record<string, Page>> = {
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
