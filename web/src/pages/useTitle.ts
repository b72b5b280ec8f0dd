import { useEffect } from "react";
import { text } from "../text";

export function useTitle(page: string | null, organization: string): void {
  useEffect(() => {
    if (page !== null) document.title = text.documentTitle(page, organization);
  }, [page, organization]);
}
