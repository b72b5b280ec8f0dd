import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useLocation } from "wouter";
import { activityQuery, keysQuery, membersQuery, projectsQuery } from "../../api/queries";
import type { Me, Organization } from "../../api/types";
import { spanText, monthText } from "../../format/dates";
import { analyticsAccess } from "../../state/access";
import type { Grouping } from "../../state/filters";
import type { Findable } from "../../state/find";
import { seriesLabel } from "../../state/series";
import { readTimeWindow, withRange } from "../../state/timeWindow";
import { text } from "../../text";
import { presetGroups, presetSpan, type Span } from "../../time/presets";
import type { Range } from "../../time/range";
import { monthsBefore, typedSpan } from "../../time/typed";
import { firstZone } from "../../time/zones";
import type { IconName } from "../../ui/Icon";
import { keyName } from "../keys/columns";
import { memberName } from "../members/columns";
import { pagesFor } from "../entries";
import { analyticsPath, entryPath, narrowedPath, routes } from "../routes";
import { useRawSearch } from "../useRawSearch";
import { useSavedViews } from "../views/useSavedViews";
import { useCalendar } from "../window/WithCalendar";

export type Kind = keyof typeof text.palette.groups;

export interface Destination extends Findable {
  id: string;
  icon: IconName;
  path: string;
  /** Beside the name: what tells it from others of that name. */
  detail?: string | null;
}

export type Destinations = Record<Kind, Destination[]>;

/** Who and what was used within a year can be found, whatever the page shows at the moment. */
const KNOWN_FOR = "last-365-days";

/** Names change seldom, and typing should not ask for them again. */
const asked = { staleTime: 5 * 60_000, placeholderData: undefined };

/** Everywhere one can go from here; `pending` while some of it is not known yet. */
export function useDestinations(me: Me, organization: Organization, query: string) {
  const [path] = useLocation();
  const search = useRawSearch();
  const window = useMemo(() => readTimeWindow(new URLSearchParams(search), firstZone()), [search]);
  const { today } = useCalendar();
  const { views } = useSavedViews(organization.id);
  const seesAll = analyticsAccess(me.kind, organization) === "granted";

  const question = { organizationId: organization.id, ...presetSpan(KNOWN_FOR, today), timezone: window.zone };
  const projects = useQuery(projectsQuery(organization.id));
  const keys = useQuery({ ...keysQuery(question), ...asked });
  const members = useQuery({ ...membersQuery(question), ...asked, enabled: seesAll });
  const models = useQuery({
    ...activityQuery({
      ...question,
      groupBy: ["model"],
      filters: {},
      rankBy: "cost",
      granularity: "month",
      top: null,
      compare: null,
    }),
    ...asked,
    enabled: seesAll,
  });

  const all = useMemo((): Destinations => {
    const entry = (grouping: Grouping, id: string) => entryPath(organization.id, grouping, id, window) ?? "";
    const range = (range: Range, span: Span, label: string): Destination => ({
      id: label,
      icon: "calendar",
      label,
      also: [span.from, span.to],
      detail: spanText(span.from, span.to),
      // A page without days, as the reference, leads to the one that is all about them.
      path: `${path === routes.reference ? analyticsPath(organization.id) : path}?${withRange(search, range, firstZone())}`,
    });
    const custom = (span: Span, label: string) => range({ kind: "custom", ...span }, span, label);
    const typed = typedSpan(query);
    return {
      views: (views ?? []).map(({ id, name, path, createdByName }) => ({
        id,
        icon: "bookmark",
        label: name,
        path,
        detail: createdByName,
      })),
      pages: pagesFor(me, organization, window),
      ranges: [
        ...(typed ? [custom(typed, query.trim())] : []),
        ...presetGroups
          .flat()
          .map((preset) => range({ kind: "preset", preset }, presetSpan(preset, today), text.range.presets[preset])),
        ...monthsBefore(today, 12).map((month) => custom(month, monthText(month.from))),
      ],
      projects: (projects.data ?? []).map(({ id, name }) => ({
        id,
        icon: "chart",
        label: name,
        also: [id],
        path: entry("project", id),
      })),
      members: (members.data?.members ?? []).flatMap(({ userId, name, email }) =>
        userId === null
          ? []
          : {
              id: userId,
              icon: "person" as const,
              label: memberName({ userId, name, email }),
              also: [email, userId],
              detail: email,
              path: entry("user", userId),
            },
      ),
      keys: (keys.data?.keys ?? []).map((one) => ({
        id: one.id,
        icon: "key",
        label: keyName(one),
        also: [one.id, one.projectName, one.createdByName],
        detail: one.projectName,
        path: entry("apiKey", one.id),
      })),
      models: (models.data?.ranking ?? []).flatMap((one) =>
        one.key == null
          ? []
          : {
              id: one.key,
              icon: "spark" as const,
              label: seriesLabel(one),
              also: [one.key],
              path: narrowedPath(organization.id, window, "project", { model: [one.key] }),
            },
      ),
      organizations: me.organizations
        .filter((one) => one.id !== organization.id)
        .map(({ id, name }) => ({ id, icon: "people", label: name, also: [id], path: analyticsPath(id, window) })),
    };
  }, [me, organization, path, search, window, today, query, views, projects.data, members.data, keys.data, models.data]);

  const pending = projects.isPending || keys.isPending || (seesAll && (members.isPending || models.isPending));
  return { all, pending };
}
