import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useRef, type ReactNode } from "react";
import { Redirect, useLocation } from "wouter";
import { calendarQuery } from "../../api/queries";
import { isBadRequest } from "../../api/request";
import { linkFault, readTimeWindow, withKnownZone } from "../../state/timeWindow";
import type { Calendar } from "../../time/clock";
import { firstZone } from "../../time/zones";
import { Failure } from "../../ui/Failure";
import { NotUnderstood } from "./NotUnderstood";
import { PageBones } from "../parts/PageBones";
import { useRawSearch } from "../useRawSearch";

const Context = createContext<Calendar | null>(null);

interface Props {
  /** Instead of the children, as long as there is no calendar. A page says that it is coming, or why it is not. */
  otherwise?: ReactNode;
  children: ReactNode;
}

/** Has the server say what day it is in the zone of the address. Nothing within works that out by itself. */
export function WithCalendar({ otherwise, children }: Props) {
  const [path] = useLocation();
  const search = useRawSearch();
  const own = firstZone();
  const params = new URLSearchParams(search);
  const { zone } = readTimeWindow(params, own);
  const { data, error, refetch } = useQuery(calendarQuery(zone));
  useNewRules(data?.zoneDatabase);
  const fault = linkFault(params);
  if (fault && otherwise === undefined) return <NotUnderstood {...fault} />;
  if (data) return <Context value={data}>{children}</Context>;
  if (otherwise !== undefined) return otherwise;
  // The reader's own zone may be newer than the server's rules; another one is a mistake in the link.
  if (isBadRequest(error) && zone !== own) return <NotUnderstood name="tz" value={zone} why="unknown" />;
  if (isBadRequest(error)) return <Redirect to={`${path}?${withKnownZone(search, own)}`} replace />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  return <PageBones />;
}

/** Other rules cut days elsewhere, also those that are long over and not asked about again by themselves. */
function useNewRules(edition: string | undefined): void {
  const client = useQueryClient();
  const known = useRef(edition);
  useEffect(() => {
    if (known.current !== undefined && edition !== undefined && known.current !== edition) void client.invalidateQueries();
    known.current = edition ?? known.current;
  }, [client, edition]);
}

/** A page left open overnight moves on to the new day, and one that is open while rules change to the new rules. */
export function useCalendar(): Calendar {
  const calendar = use(Context);
  if (!calendar) throw new Error("there is no WithCalendar around this");
  return calendar;
}
