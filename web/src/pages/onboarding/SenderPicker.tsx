import { text } from "../../text";
import { senderGroups, setupFor, type Sender } from "./snippets";

const words = text.onboarding;

/** One of many senders, in rows that wrap: on a phone as well each is seen, and a touch away. */
export function SenderPicker({ value, onChange }: { value: Sender; onChange: (sender: Sender) => void }) {
  return (
    <div className="senders">
      {senderGroups.map(({ group, senders }) => (
        <fieldset key={group}>
          <legend className="muted">{words.groups[group]}</legend>
          {senders.map((sender) => (
            <label key={sender} data-testid={`sender-${sender}`}>
              <input type="radio" name="sender" checked={sender === value} onChange={() => onChange(sender)} />
              {setupFor(sender, "", null).name}
            </label>
          ))}
        </fieldset>
      ))}
    </div>
  );
}
