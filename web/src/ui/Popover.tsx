import { Suspense, useRef, useState, type ComponentPropsWithRef, type ReactElement, type ReactNode } from "react";
import { Boundary } from "./Boundary";
import { ahead, lazily } from "./lazily";

const loadPanel = () => import("./PopoverPanel");
const PopoverPanel = lazily(loadPanel);

interface Props {
  trigger: (props: TriggerProps) => ReactElement;
  label: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  align?: "start" | "end";
  /** Called when somebody is about to open it. */
  onIntent?: () => void;
  children: ReactNode;
}

export type TriggerProps = Pick<
  ComponentPropsWithRef<"button">,
  "ref" | "type" | "onClick" | "onPointerEnter" | "onFocus" | "aria-haspopup" | "aria-expanded"
> & { "data-state": "open" | "closed" };

/** The trigger is there at once; the machinery that places a panel is loaded with the first panel. */
export function Popover({ trigger, label, open, onOpenChange, align = "end", onIntent, children }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const [wasOpen, setWasOpen] = useState(false);
  if (open && !wasOpen) setWasOpen(true);

  const prepare = () => {
    ahead(loadPanel);
    onIntent?.();
  };
  return (
    <>
      {trigger({
        ref: button,
        type: "button",
        onClick: () => onOpenChange(!open),
        onPointerEnter: prepare,
        onFocus: prepare,
        "aria-haspopup": "dialog",
        "aria-expanded": open,
        "data-state": open ? "open" : "closed",
      })}
      {wasOpen && (
        <Boundary small>
          <Suspense fallback={null}>
            <PopoverPanel button={button} label={label} open={open} onOpenChange={onOpenChange} align={align}>
              {children}
            </PopoverPanel>
          </Suspense>
        </Boundary>
      )}
    </>
  );
}
