import { lazy, type ComponentType, type LazyExoticComponent } from "react";

/** Code of the page that could not be had: the server is away, or has another version with other files. */
export class NotLoaded extends Error {}

/** Like React's own, for parts within a `Boundary`, which gets them later. */
export function lazily<Part extends ComponentType<any>>(
  load: () => Promise<{ default: Part }>,
): LazyExoticComponent<Part> {
  return lazy(() => loaded(load));
}

export async function loaded<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    throw new NotLoaded(String(error));
  }
}

/** Has code come before it is needed. Where it does not, it is asked for again when it is. */
export function ahead(load: () => Promise<unknown>): void {
  load().catch(() => undefined);
}
