import { decode, encode } from "./base64";
import { isObject } from "./update";

/** What a passkey is for: to sign in, or to be made for the account of an invitation, or for one that is signed in. */
export type Use = "sign-in" | "invitation" | "account";

/**
 * The server's answer was not one of success. field is the name of the input that was wrong, if it was one. chosen says that it was
 * the answer to a passkey.
 */
export class Refused extends Error {
  constructor(readonly status: number, readonly field: string, readonly chosen = false) {
    super(`the server answered with ${status}`);
    this.name = "Refused";
  }
}

/** How a browser asks for a passkey. */
export interface Asking {
  mediation?: CredentialMediationRequirement;
  signal?: AbortSignal;
}

/** The server's side of passkeys. api is a URL that ends in a slash. */
export class Account {
  constructor(private readonly api: URL) {}

  /** Signs in, and returns the path to go on to. next is the one that the page knows of. */
  async signIn(next: string, o: Asking = {}): Promise<string | undefined> {
    const { id, publicKey } = await this.options({ for: "sign-in" }, o.signal);
    const options = publicKey as unknown as PublicKeyCredentialRequestOptionsJSON;
    const got = await navigator.credentials.get({
      ...o,
      publicKey: {
        ...(options as object),
        challenge: decode(options.challenge),
        allowCredentials: known(options.allowCredentials),
      },
    });
    return this.finish({ id, for: "sign-in", next }, got);
  }

  /** Makes a passkey, and returns the path to go on to, if there is one. */
  async make(use: Use, values: Record<string, string>): Promise<string | undefined> {
    const { label, ...who } = values;
    const { id, publicKey } = await this.options({ ...who, for: use });
    const options = publicKey as unknown as PublicKeyCredentialCreationOptionsJSON;
    const made = await navigator.credentials.create({
      publicKey: {
        ...(options as object),
        rp: options.rp,
        pubKeyCredParams: options.pubKeyCredParams,
        challenge: decode(options.challenge),
        user: { ...options.user, id: decode(options.user.id) },
        excludeCredentials: known(options.excludeCredentials),
      },
    });
    return this.finish({ ...values, id, for: use }, made);
  }

  /** Removes a passkey or a session. One that is gone already is no error. */
  async remove(path: string): Promise<void> {
    const answer = await fetch(new URL(path, this.api), { method: "DELETE" });
    if (!answer.ok && answer.status !== 404) throw await refusal(answer);
  }

  private async options(body: object, signal?: AbortSignal): Promise<{ id: string; publicKey: Record<string, unknown> }> {
    const answer = await this.post("passkeys/options", body, signal);
    if (typeof answer.id !== "string" || !isObject(answer.publicKey)) throw new Refused(500, "");
    return { id: answer.id, publicKey: answer.publicKey };
  }

  private async finish(body: object, credential: Credential | null): Promise<string | undefined> {
    if (!(credential instanceof PublicKeyCredential)) throw new DOMException("no passkey", "NotAllowedError");
    const { next } = await this.post("passkeys", { ...body, credential: asJSON(credential) });
    return typeof next === "string" ? next : undefined;
  }

  private async post(path: string, body: object, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const answer = await fetch(new URL(path, this.api), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal,
    });
    if (!answer.ok) throw await refusal(answer, path === "passkeys");
    const value: unknown = await answer.json();
    return isObject(value) ? value : {};
  }
}

async function refusal(answer: Response, chosen = false): Promise<Refused> {
  const problem: unknown = await answer.json().catch(() => null);
  return new Refused(answer.status, isObject(problem) && typeof problem.field === "string" ? problem.field : "", chosen);
}

function known(list?: PublicKeyCredentialDescriptorJSON[]): PublicKeyCredentialDescriptor[] | undefined {
  return list?.map((one) => ({ ...one, id: decode(one.id) }) as PublicKeyCredentialDescriptor);
}

/**
 * Returns a credential in its form for servers (WebAuthn Level 3, section 5.1). Its own method toJSON is newer than passkeys, and what
 * an extension of the browser returns in place of a credential may lack it.
 */
function asJSON(c: PublicKeyCredential): object {
  const response: Record<string, unknown> = { clientDataJSON: encode(c.response.clientDataJSON) };
  if ("attestationObject" in c.response) {
    const made = c.response as AuthenticatorAttestationResponse;
    response.attestationObject = encode(made.attestationObject);
    response.transports = made.getTransports?.() ?? [];
  } else {
    const signed = c.response as AuthenticatorAssertionResponse;
    response.authenticatorData = encode(signed.authenticatorData);
    response.signature = encode(signed.signature);
    if (signed.userHandle) response.userHandle = encode(signed.userHandle);
  }
  return {
    id: c.id,
    rawId: encode(c.rawId),
    type: c.type,
    authenticatorAttachment: c.authenticatorAttachment ?? undefined,
    clientExtensionResults: c.getClientExtensionResults(),
    response,
  };
}
