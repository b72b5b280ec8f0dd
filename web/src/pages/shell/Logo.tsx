export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="#4350c8" />
      <path d="M9 22.500V17M16 22.500v-13M23 22.500V13" stroke="#fff" strokeWidth="3.400" strokeLinecap="round" />
    </svg>
  );
}
