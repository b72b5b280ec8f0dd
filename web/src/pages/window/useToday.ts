import { useEffect, useState } from "react";
import { dayInZone, type Day } from "../../time/day";

/** A page left open overnight moves on to the new day. */
export function useToday(zone: string): Day {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return dayInZone(now, zone);
}
