import type { ReactNode } from "react";
import { ApiError } from "../api/request";
import { text } from "../text";
import { Notice } from "./Notice";

interface Props {
  error: unknown;
  onRetry: () => void;
  actions?: ReactNode;
}

export function explanation(error: unknown): string {
  if (!(error instanceof ApiError)) return text.errors.broken;
  if (error.status === 0) return text.errors.unreachable;
  if (error.status === 503 || error.status === 429) return error.problem?.detail ?? text.errors.busy;
  return error.problem?.detail ?? text.errors.broken;
}

export function Failure({ error, onRetry, actions }: Props) {
  const refused = error instanceof ApiError && error.status === 403;
  return (
    <Notice
      icon={refused ? "lock" : "alert"}
      tone={refused ? "calm" : "bad"}
      title={refused ? text.refused.roleTitle : text.errors.title}
      actions={
        <>
          {!refused && (
            <button type="button" className="button" onClick={onRetry}>
              {text.errors.retry}
            </button>
          )}
          {actions}
        </>
      }
    >
      <p>{explanation(error)}</p>
    </Notice>
  );
}
