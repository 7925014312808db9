// An OpenID Connect server with one client, and with people who are in groups. Its own forms take any password.
import Provider from 'oidc-provider';

const [port, site, id, secret] = process.argv.slice(2);
const people = {
  anna: { name: 'Anna Ahlström', groups: ['admins', 'sports'] },
  ben: { name: 'Ben', groups: ['sports'] },
  carl: { name: 'Carl', groups: [] },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: id,
    client_secret: secret,
    redirect_uris: [`${site}/sign-in/oidc/callback`],
    post_logout_redirect_uris: [`${site}/`],
    backchannel_logout_uri: `${site}/sign-in/oidc/logout`,
    backchannel_logout_session_required: true,
  }],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
  cookies: { keys: ['the keys of a server for tests'] },
  features: { backchannelLogout: { enabled: true } },
  // By itself it calls no loopback address, and waits for 2.5 s only.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined, signal: undefined }),
  findAccount: (_, sub) => people[sub] && { accountId: sub, claims: () => ({ sub, ...people[sub] }) },
  pkce: { required: () => true },
});
provider.on('backchannel.error', (_, err) => console.error('back-channel:', err));
provider.on('server_error', (_, err) => console.error(err));
provider.listen(Number(port), '127.0.0.1');
