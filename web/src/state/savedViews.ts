/** A page as somebody left it, under a name of their own. No two have the same name. */
export interface SavedView {
  name: string;
  /** Address without its origin: the page, and everything on it. */
  path: string;
}

/** What is stored can be cut, edited or from another version; whatever is not understood is left out. */
export function readSavedViews(stored: string | null): SavedView[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(stored ?? "[]");
  } catch {
    return [];
  }
  return Array.isArray(parsed) ? parsed.filter(isSavedView).map(({ name, path }) => ({ name, path })) : [];
}

function isSavedView(one: unknown): one is SavedView {
  const { name, path } = (one ?? {}) as Partial<SavedView>;
  // "//host" would lead to another site.
  return typeof name === "string" && name !== "" && typeof path === "string" && /^\/(?!\/)/.test(path);
}

/** A name that is taken means the view of that name as it is now. */
export function withView(views: readonly SavedView[], view: SavedView): SavedView[] {
  const known = views.some(({ name }) => name === view.name);
  return known ? views.map((one) => (one.name === view.name ? view : one)) : [...views, view];
}

export function withoutView(views: readonly SavedView[], name: string): SavedView[] {
  return views.filter((one) => one.name !== name);
}

export function renamedView(views: readonly SavedView[], from: string, to: string): SavedView[] {
  if (from === to) return [...views];
  return withoutView(views, to).map((one) => (one.name === from ? { ...one, name: to } : one));
}
