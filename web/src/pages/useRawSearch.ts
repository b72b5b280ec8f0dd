import { useSearch } from "wouter/use-browser-location";

/** The query as it stands in the address: wouter's own hook decodes it, after which an "&" in an id splits it. */
export function useRawSearch(): string {
  return useSearch().replace(/^\?/, "");
}
