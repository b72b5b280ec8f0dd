import { text } from "../../text";
import { Icon } from "../../ui/Icon";
import { prepareToSearch } from "./usePalette";

const shortcut = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘K" : `${text.palette.control} K`;

interface Props {
  onSearch: () => void;
  /** Where there is room for no more than an icon. */
  small?: boolean;
}

export function SearchButton({ onSearch, small = false }: Props) {
  return (
    <button
      type="button"
      className={small ? "button button-quiet button-icon search-small" : "search-button"}
      aria-label={small ? text.palette.open : undefined}
      aria-haspopup="dialog"
      aria-keyshortcuts="Control+K Meta+K"
      onClick={onSearch}
      onPointerEnter={prepareToSearch}
      onFocus={prepareToSearch}
      data-testid="search-button"
    >
      <Icon name="search" size={small ? 20 : 16} />
      {!small && (
        <>
          <span>{text.palette.open}</span>
          <kbd aria-hidden="true">{shortcut}</kbd>
        </>
      )}
    </button>
  );
}
