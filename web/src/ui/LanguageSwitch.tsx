import { text } from "../text";
import { language, languages, setLanguage, type Language } from "../text/language";
import { Icon } from "./Icon";

/** Each in itself, for whoever cannot read the one that is on. */
const names: Record<Language, string> = { en: "English", de: "Deutsch" };

export function LanguageSwitch() {
  return (
    <label className="select">
      <span className="visually-hidden">{text.language.label}</span>
      <span className="select-box">
        <select value={language} onChange={(event) => setLanguage(event.target.value as Language)} data-testid="language">
          {languages.map((one) => (
            <option key={one} value={one} lang={one}>
              {names[one]}
            </option>
          ))}
        </select>
        <Icon name="chevronDown" />
      </span>
    </label>
  );
}
