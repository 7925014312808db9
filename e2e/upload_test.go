package e2e

import (
	"bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/media"
	files "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// uploading starts a server that keeps images, below /news of a site. The site has the package's modules, a large picture and a
// page.
func uploading(t *testing.T) (url string) {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	library, err := media.NewLibrary(files.New(), store.Records(), nil)
	if err != nil {
		t.Fatal(err)
	}
	table := route.NewTable()
	api := webapp.New(store, route.NewToken("s3cret", store.Channel, nil).Authorize, &webapp.Options{Images: library})
	if err := table.Add("webapp", "", api.URLs()...); err != nil {
		t.Fatal(err)
	}
	m := image.NewNRGBA(image.Rect(0, 0, 640, 320)) // of noise, about 800 kB
	_, _ = rand.NewChaCha8([32]byte{}).Read(m.Pix)
	var picture bytes.Buffer
	if err := png.Encode(&picture, m); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/news/", http.StripPrefix("/news", table))
	mux.Handle("/client/", http.StripPrefix("/client", http.FileServer(http.Dir("../packages/client"))))
	mux.HandleFunc("/picture.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(picture.Bytes())
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><title>A newsroom</title>`))
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site.URL
}

// uploads is a script that uploads a picture in several ways. It sets out to what came of it.
const uploads = `
	const {Refused, uploadImage} = await import(CLIENT);
	const picture = await (await fetch(SITE + "/picture.png")).blob();
	const told = [];
	const o = {token: "s3cret", alt: "Größe & <b>", key: "key 1", onProgress: (sent, total) => told.push([sent, total])};
	const first = await uploadImage(SITE + "/news/", picture, o);
	const again = await uploadImage(SITE + "/news", picture, {token: "s3cret", key: "key 1"});
	const failed = async (f) => {
		try {
			await f();
			return "nothing failed";
		} catch (err) {
			return err instanceof Refused ? err.status + " " + err.own + " " + err.detail : err.name;
		}
	};
	const out = [
		first.width + "x" + first.height, first.alt, first.url.startsWith("/media/" + first.id), first.block.value.media === first.id,
		"hint" in first, again.id === first.id, again.hint.includes("alt"),
		told.every(([sent, total], i) => total === picture.size && (!i || sent >= told[i - 1][0])) &&
			told.at(-1)[0] === picture.size,
		await failed(() => uploadImage(SITE + "/news", new Blob(["no image"]), {token: "s3cret"})),
		await failed(() => uploadImage(SITE + "/news", picture)),
		await failed(() => uploadImage(SITE + "/elsewhere", picture)),
		await failed(() => uploadImage(SITE + "/news", picture, {signal: AbortSignal.abort()})),
		await failed(() => {
			const life = new AbortController();
			return uploadImage(SITE + "/news", picture, {token: "s3cret", signal: life.signal, key: "cut", onProgress: () => life.abort()});
		}),
		await failed(() => uploadImage("http://127.0.0.1:1", picture)),
	].join("|");`

const refusedUploads = `|422 true image: must be a JPEG, PNG, GIF or WebP, whatever its name says|401 true unauthorized: send the server's token as Authorization: Bearer TOKEN|404 false |AbortError`

func uploadScript(client, site string) string {
	return strings.NewReplacer("CLIENT", `"`+client+`"`, "SITE", `"`+site+`"`).Replace(uploads)
}

// In a page an upload tells how far it is, and can be ended while it goes on.
func TestNPMUploadInPage(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	site := uploading(t)
	p := open(t, browser(t), site)
	var got string
	p.eval(`(async () => {`+uploadScript("/client/index.js", site)+`return out})()`, &got)
	if want := "640x320|Größe & <b>|true|true|false|true|true|true" + refusedUploads + "|AbortError|TypeError"; got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

// In Node.js an upload can be ended too, and tells only its end.
func TestNPMUploadInNode(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	folder := npmApp(t)
	script := uploadScript("@motacilla/client", uploading(t)) + `console.log(JSON.stringify(out))`
	p := node(t, folder, nil, "--input-type=module", "-e", script)
	p.says(`"640x320|Größe & <b>|true|true|false|true|true|true` + refusedUploads + `|nothing failed|TypeError"`)
	p.ends()
}
