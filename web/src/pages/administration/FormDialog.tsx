import * as Dialog from "@radix-ui/react-dialog";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { text } from "../../text";
import { explanation } from "../../ui/Failure";
import { Icon } from "../../ui/Icon";

interface Props {
  title: string;
  lead?: string;
  /** What the button says that does it. */
  submit: string;
  danger?: boolean;
  /** Something is missing without which it cannot be done. */
  blocked?: boolean;
  /** Gets what is in the fields; resolves once it is done. */
  onSubmit: (values: FormData) => Promise<unknown>;
  onClose: () => void;
  children?: ReactNode;
}

/** One change, with its fields where it has some. Stays open, and says why, when the server refuses it. */
export function FormDialog({ title, lead, submit, danger = false, blocked = false, onSubmit, onClose, children }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const fault = useId();

  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onSubmit(new FormData(event.currentTarget));
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Overlay title={title} lead={lead} onClose={onClose}>
      <form className="form" onSubmit={(event) => void send(event)} aria-describedby={fault}>
        {children}
        <p id={fault} className="form-fault" role="alert">
          {error !== null && explanation(error)}
        </p>
        <div className="dialog-actions">
          <Dialog.Close className="button">{text.administration.cancel}</Dialog.Close>
          <button
            type="submit"
            className={`button ${danger ? "button-danger" : "button-primary"}`}
            disabled={busy || blocked}
            data-testid="dialog-submit"
          >
            {submit}
          </button>
        </div>
      </form>
    </Overlay>
  );
}

interface OverlayProps {
  title: string;
  lead?: string;
  onClose: () => void;
  children: ReactNode;
}

export function Overlay({ title, lead, onClose, children }: OverlayProps) {
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim dialog-scrim">
          <Dialog.Content
            className="dialog"
            {...(lead ? {} : { "aria-describedby": undefined })}
            // A click beside it is a slip more often than a wish to lose what was typed, or a secret.
            onInteractOutside={(event) => event.preventDefault()}
            data-testid="dialog"
          >
            <Dialog.Title className="dialog-title">{title}</Dialog.Title>
            {lead && <Dialog.Description className="muted">{lead}</Dialog.Description>}
            {children}
            <Dialog.Close className="button button-quiet button-icon dialog-close" aria-label={text.administration.cancel}>
              <Icon name="close" size={18} />
            </Dialog.Close>
          </Dialog.Content>
        </Dialog.Overlay>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
