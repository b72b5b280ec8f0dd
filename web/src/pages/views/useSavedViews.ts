import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { viewsQuery } from "../../api/queries";
import { changeView, createView, removeView, type NewView, type View } from "../../api/views";

/** What is done to the views that an organization shares. */
type Change = { save: NewView } | { rename: View; name: string } | { remove: View };

export function useSavedViews(organizationId: string) {
  const client = useQueryClient();
  const query = viewsQuery(organizationId);
  const views = useQuery(query);
  const change = useMutation({
    mutationFn: async (change: Change): Promise<unknown> => {
      if ("remove" in change) return removeView(organizationId, change.remove.id);
      if ("rename" in change) {
        return changeView(organizationId, change.rename.id, { name: change.name, path: change.rename.path });
      }
      // A name that is taken means the view of that name as it is now.
      const known = views.data?.find(({ name, mayChange }) => name === change.save.name && mayChange);
      return known ? changeView(organizationId, known.id, change.save) : createView(organizationId, change.save);
    },
    onSettled: () => client.invalidateQueries({ queryKey: query.queryKey }),
  });
  return { views: views.data ?? null, change: change.mutate, error: change.error ?? views.error };
}
