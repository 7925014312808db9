import { useEffect, useId, useRef } from "preact/hooks";
import type { Role } from "../state/types";
import { t } from "../words";
import { Icon } from "./icons";
import { newField, roles, type RightField } from "./rights";

interface RightsFieldProps {
  value: RightField[];
  onChange(value: RightField[]): void;
  /** A right names no channel, which the dialog has said. */
  missing: boolean;
  /** The ID of what says what is wrong. */
  wrongID: string;
}

/** What somebody may do: one role or several, each on all channels or on some. */
export function RightsField({ value, onChange, missing, wrongID }: RightsFieldProps) {
  const ref = useRef<HTMLDivElement>(null);
  const count = useRef(value.length);
  useEffect(() => {
    const before = count.current;
    count.current = value.length;
    if (value.length > before) [...ref.current!.querySelectorAll("select")].pop()?.focus();
    else if (value.length < before) ref.current!.querySelector<HTMLElement>("[data-add]")?.focus();
  }, [value.length]);
  const set = (i: number, change: Partial<RightField>): void => onChange(value.map((one, n) => (n === i ? { ...one, ...change } : one)));
  return (
    <div class="rights-field" ref={ref}>
      {value.map((one, i) => (
        <RightFields
          key={i}
          value={one}
          title={value.length > 1 ? t("right_number", { number: i + 1 }) : t("right_only")}
          set={(change) => set(i, change)}
          remove={value.length > 1 ? () => onChange(value.filter((_, n) => n !== i)) : undefined}
          missing={missing && one.some && !one.channels.trim()}
          wrongID={wrongID}
        />
      ))}
      <button type="button" class="button button--plain" data-add onClick={() => onChange([...value, newField])}>
        <Icon name="plus" />
        {t("add_right")}
      </button>
    </div>
  );
}

interface RightFieldsProps {
  value: RightField;
  title: string;
  set(change: Partial<RightField>): void;
  remove?(): void;
  missing: boolean;
  wrongID: string;
}

function RightFields({ value, title, set, remove, missing, wrongID }: RightFieldsProps) {
  const id = useId();
  return (
    <fieldset class="right">
      <legend>{title}</legend>
      <div class="field">
        <label for={`${id}-role`}>{t("role")}</label>
        <select
          id={`${id}-role`}
          class="input"
          value={value.role}
          aria-describedby={`${id}-text`}
          onChange={(e) => set({ role: e.currentTarget.value as Role })}
        >
          {roles.map((role) => (
            <option key={role} value={role}>
              {t(`role_${role}`)}
            </option>
          ))}
        </select>
        <p class="hint" id={`${id}-text`}>
          {t(`role_${value.role}_text`)}
        </p>
      </div>
      <div role="radiogroup" aria-label={t("where")}>
        {[false, true].map((some) => (
          <label class="radio" key={String(some)}>
            <input type="radio" name={`${id}-where`} checked={value.some === some} onChange={() => set({ some })} />
            <span>{t(some ? "where_some" : "where_all")}</span>
          </label>
        ))}
      </div>
      {value.some && (
        <div class="field">
          <label for={`${id}-channels`}>{t("where_which")}</label>
          <input
            id={`${id}-channels`}
            class="input"
            data-channels
            dir="ltr"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            value={value.channels}
            aria-invalid={missing ? "true" : undefined}
            aria-describedby={`${id}-hint ${wrongID}`}
            onInput={(e) => set({ channels: e.currentTarget.value })}
          />
          <p class="hint" id={`${id}-hint`}>
            {t("where_hint")}
          </p>
        </div>
      )}
      {remove && (
        <div>
          <button type="button" class="button button--plain" onClick={remove}>
            <Icon name="trash" />
            {t("remove_right")}
          </button>
        </div>
      )}
    </fieldset>
  );
}
