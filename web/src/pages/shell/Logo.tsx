import { settings } from "../../state/settings";

export function Logo({ size = 26 }: { size?: number }) {
  if (settings.logo) return <img className="logo" src={settings.logo} alt="" style={{ height: size, maxWidth: size * 4 }} />;
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--brand)" />
      <path d="M9 22.500V17M16 22.500v-13M23 22.500V13" stroke="#fff" strokeWidth="3.400" strokeLinecap="round" />
    </svg>
  );
}
