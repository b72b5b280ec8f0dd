import type { Saved } from "../../api/cacheSaving";
import { exactText } from "../../api/exact";
import { count } from "../../format/counts";
import { money } from "../../format/money";
import { text } from "../../text";

/** Whether there is anything to say. */
export function isSaved(saved: Saved | null | undefined): saved is Saved {
  return !!saved && saved.cachedTokens > saved.unpricedCachedTokens;
}

/** "≈ $1.20 saved by cache", among other facts about tokens. At least that, where some have no price. */
export function SavedFact({ saved, brief = false }: { saved: Saved; brief?: boolean }) {
  const { cachedTokens, unpricedCachedTokens } = saved;
  const amount = `${unpricedCachedTokens > 0 ? "≥" : "≈"} ${money(saved.cacheSaving)}`;
  const exact = exactText(saved, "cacheSaving");
  const hint = [
    text.cacheSaving.of(count(cachedTokens)),
    ...(unpricedCachedTokens > 0 ? [text.cacheSaving.unpriced(count(unpricedCachedTokens))] : []),
    text.cacheSaving.hint,
  ];
  return (
    <data value={exact} title={hint.join(" · ")} data-testid="cache-saving">
      {(brief ? text.cacheSaving.brief : text.cacheSaving.fact)(amount)}
    </data>
  );
}

/** The same in short, under a number of tokens. */
export function SavedBeneath({ saved }: { saved: Saved | null | undefined }) {
  return isSaved(saved) ? (
    <span className="saved-beneath muted">
      <SavedFact saved={saved} brief />
    </span>
  ) : null;
}
