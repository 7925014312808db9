import { useId, useState } from "preact/hooks";
import { program } from "../program";
import type { Invitation, Person } from "../state/types";
import { t } from "../words";
import { Dialog, openDialog } from "./dialog";
import { MadeLink } from "./madelink";
import { useRequest } from "./peoplerequest";
import { fromFields, newField, toFields, type RightField } from "./rights";
import { RightsField } from "./rightsfield";
import { toast } from "./toasts";

export function openInvite(): void {
  openDialog((close) => <Invite close={close} />);
}

/** Changes the name and the rights of a person. */
export function openChange(person: Person): void {
  openDialog((close) => <Change person={person} close={close} />);
}

/** Makes a link for a new password or passkey. */
export function openReset(person: Person): void {
  openDialog((close) => <Reset person={person} close={close} />);
}

function Invite({ close }: { close(): void }) {
  const [link, setLink] = useState<Invitation | null>(null);
  if (link) return <MadeLink key="link" title={t("invite_title")} link={link} close={close} />;
  return (
    <PersonForm
      key="form"
      title={t("invite_title")}
      name=""
      fields={[newField]}
      action={t("make_link")}
      nameHint={t("invite_name_hint")}
      send={async (name, fields) => setLink(await program.people.invite(fromFields(fields)!, name))}
      close={close}
    />
  );
}

function Change({ person, close }: { person: Person; close(): void }) {
  const fields = toFields(person.rights);
  return (
    <PersonForm
      title={t("change_person_title", { name: person.name })}
      name={person.name}
      fields={fields}
      action={t("save")}
      send={async (name, now) => {
        // What was not changed here is not sent: somebody else may have changed it meanwhile.
        const rights = JSON.stringify(now) === JSON.stringify(fields) ? undefined : fromFields(now)!;
        await program.people.change(person.login, { name: name && name !== person.name ? name : undefined, rights });
        close();
        toast(t("said_saved"));
      }}
      close={close}
    />
  );
}

interface PersonFormProps {
  title: string;
  name: string;
  fields: RightField[];
  action: string;
  nameHint?: string;
  send(name: string, fields: RightField[]): Promise<void>;
  close(): void;
}

function PersonForm({ title, name: firstName, fields: first, action, nameHint, send, close }: PersonFormProps) {
  const id = useId();
  const [name, setName] = useState(firstName);
  const [fields, setFields] = useState(first);
  const [missing, setMissing] = useState(false);
  const { busy, wrong, setWrong, run } = useRequest();
  const submit = (form: HTMLFormElement): void => {
    const lacks = fromFields(fields) === null;
    setMissing(lacks);
    if (!lacks) return void run(() => send(name.trim(), fields));
    setWrong(t("where_missing"));
    [...form.querySelectorAll<HTMLInputElement>("[data-channels]")].find((e) => !e.value.trim())?.focus();
  };
  return (
    <Dialog
      title={title}
      close={close}
      busy={busy}
      foot={
        <>
          <button type="button" class="button" aria-disabled={busy} onClick={() => busy || close()}>
            {t("cancel")}
          </button>
          <button type="submit" form={id} class="button button--main" aria-disabled={busy}>
            {action}
          </button>
        </>
      }
    >
      <form
        id={id}
        class="form"
        noValidate
        aria-busy={busy}
        onSubmit={(e) => {
          e.preventDefault();
          submit(e.currentTarget);
        }}
      >
        <div class="field">
          <label for={`${id}-name`}>{t("person_name")}</label>
          <input
            id={`${id}-name`}
            class="input"
            data-first
            dir="auto"
            autocomplete="off"
            maxLength={100}
            value={name}
            aria-describedby={`${id}-hint ${id}-wrong`}
            onInput={(e) => setName(e.currentTarget.value)}
          />
          {nameHint && (
            <p class="hint" id={`${id}-hint`}>
              {nameHint}
            </p>
          )}
        </div>
        <RightsField value={fields} onChange={setFields} missing={missing} wrongID={`${id}-wrong`} />
        <p class="wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </p>
      </form>
    </Dialog>
  );
}

function Reset({ person: { login, name }, close }: { person: Person; close(): void }) {
  const [link, setLink] = useState<Invitation | null>(null);
  const title = t("reset_title", { name });
  if (link) return <MadeLink key="link" title={title} link={link} close={close} />;
  return (
    <Confirm
      key="question"
      title={title}
      text={t("reset_text", { name })}
      action={t("make_link")}
      run={async () => setLink(await program.people.reset(login))}
      close={close}
    />
  );
}

interface Question {
  title: string;
  /** What it means. */
  text: string;
  action: string;
  danger?: boolean;
  run(): Promise<void>;
}

/** Asks before something is done, and does it. Then said is told. */
export function openConfirm(question: Question, said: string): void {
  openDialog((close) => (
    <Confirm
      {...question}
      run={async () => {
        await question.run();
        close();
        toast(said);
      }}
      close={close}
    />
  ));
}

function Confirm({ title, text, action, danger, run: work, close }: Question & { close(): void }) {
  const { busy, wrong, run } = useRequest();
  return (
    <Dialog
      title={title}
      close={close}
      busy={busy}
      foot={
        <>
          <button type="button" class="button" data-first={danger || undefined} aria-disabled={busy} onClick={() => busy || close()}>
            {t("cancel")}
          </button>
          <button
            type="button"
            class={danger ? "button button--danger" : "button button--main"}
            data-first={danger ? undefined : true}
            aria-disabled={busy}
            onClick={() => void run(work)}
          >
            {action}
          </button>
        </>
      }
    >
      <p>{text}</p>
      <p class="wrong" role="alert">
        {wrong}
      </p>
    </Dialog>
  );
}
