import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { answers, connectionNow, onConnection } from "../../api/connection";
import { momentText } from "../../format/dates";
import { text } from "../../text";
import { useCalendar } from "../window/WithCalendar";

const ASK_EVERY_MS = 2000;

/** Says that figures are as old as the last answer, for as long as none comes, and asks for all of them once one does. */
export function Connection() {
  const { lostSince } = useSyncExternalStore(onConnection, connectionNow);
  const client = useQueryClient();
  const calendar = useCalendar();

  useEffect(() => {
    if (lostSince === null) return;
    const ask = async () => {
      if (await answers()) void client.invalidateQueries();
    };
    const timer = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => clearInterval(timer);
  }, [client, lostSince]);

  if (lostSince === null) return null;
  return (
    <p className="connection-lost" role="status" data-testid="connection-lost">
      {text.boundary.lostSince(momentText(lostSince, calendar))}
    </p>
  );
}
