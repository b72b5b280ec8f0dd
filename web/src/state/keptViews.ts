/** A view as a browser kept it, before an organization's were shared. */
export interface KeptView {
  name: string;
  path: string;
}

/** Those of one organization. What is stored can be cut or edited; whatever is not understood is left out. */
export function keptViews(stored: string | null, organizationId: string): KeptView[] {
  const home = `/organizations/${encodeURIComponent(organizationId)}/`;
  return parsed(stored).filter(isView).filter(({ path }) => path.startsWith(home));
}

/** What is stored without these; null where nothing is left. */
export function withoutKept(stored: string | null, gone: readonly KeptView[]): string | null {
  const isGone = (one: KeptView) => gone.some(({ name, path }) => name === one.name && path === one.path);
  const left = parsed(stored).filter(isView).filter((one) => !isGone(one));
  return left.length === 0 ? null : JSON.stringify(left);
}

function parsed(stored: string | null): unknown[] {
  try {
    const value: unknown = JSON.parse(stored ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isView(one: unknown): one is KeptView {
  const { name, path } = (one ?? {}) as Partial<KeptView>;
  return typeof name === "string" && name.trim() !== "" && typeof path === "string";
}
