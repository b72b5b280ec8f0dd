import * as Radix from "@radix-ui/react-popover";
import type { ReactNode, RefObject } from "react";

interface Props {
  button: RefObject<HTMLButtonElement | null>;
  label: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  align: "start" | "end";
  children: ReactNode;
}

export default function PopoverPanel({ button, label, open, onOpenChange, align, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Anchor virtualRef={button as RefObject<HTMLButtonElement>} />
      <Radix.Portal>
        <Radix.Content
          className="popover"
          align={align}
          sideOffset={6}
          collisionPadding={12}
          aria-label={label}
          onInteractOutside={(event) => {
            // The button closes by its own click; closing here as well would open it again.
            if (event.target instanceof Node && button.current?.contains(event.target)) event.preventDefault();
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            button.current?.focus({ preventScroll: true });
          }}
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
