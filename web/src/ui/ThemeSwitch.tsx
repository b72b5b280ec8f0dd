import { text } from "../text";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { setTheme, themes, useTheme, type Theme } from "./theme";

const icons = { system: "screen", light: "sun", dark: "moon" } as const satisfies Record<Theme, string>;

export function ThemeSwitch() {
  return (
    <Segmented
      label={text.theme.label}
      value={useTheme()}
      onChange={setTheme}
      testIdPrefix="theme"
      choices={themes.map((theme) => ({
        value: theme,
        label: text.theme[theme],
        icon: <Icon name={icons[theme]} />,
      }))}
    />
  );
}
