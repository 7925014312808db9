package page

import "strings"

// agent returns how people call a browser and its system, such as "Firefox, Linux", from the header User-Agent. Browsers name the
// browsers that they are like, so the first that is found counts. Of other programs it returns the first word.
func agent(header string) string {
	browser := named(header, [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	})
	if browser == "" {
		first, _, _ := strings.Cut(header, " ")
		return first
	}
	system := named(header, [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
		{"Linux", "Linux"},
	})
	if system == "" {
		return browser
	}
	return browser + ", " + system
}

func named(header string, names [][2]string) string {
	for _, n := range names {
		if strings.Contains(header, n[0]) {
			return n[1]
		}
	}
	return ""
}
