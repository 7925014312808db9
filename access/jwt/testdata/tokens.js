// Makes tokens and a set of keys with Node.js, for the tests. The first argument is the claims as JSON.
const { generateKeyPairSync, sign } = require("node:crypto");

const claims = JSON.parse(process.argv[2]);
const kinds = {
  RS256: ["rsa", { modulusLength: 3072 }, "sha256", {}],
  ES256: ["ec", { namedCurve: "P-256" }, "sha256", { dsaEncoding: "ieee-p1363" }],
  EdDSA: ["ed25519", {}, null, {}],
};
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const tokens = {}, keys = [];
for (const [alg, [kind, options, hash, how]] of Object.entries(kinds)) {
  const pair = generateKeyPairSync(kind, options);
  keys.push({ ...pair.publicKey.export({ format: "jwk" }), kid: alg, use: "sig", key_ops: ["verify"] });
  const text = `${part({ alg, typ: "JWT", kid: alg })}.${part(claims)}`;
  tokens[alg] = `${text}.${sign(hash, Buffer.from(text), { key: pair.privateKey, ...how }).toString("base64url")}`;
}
console.log(JSON.stringify({ tokens, keys }));
