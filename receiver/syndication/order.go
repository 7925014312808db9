package syndication

// merge returns the entries that a feed has now, together with those that it had before, each in its place: after the entry that
// it came after, or else ahead of the entry that it came ahead of. It returns at most most entries.
func merge(before, now []seen, most int) []seen {
	has := idsOf(now)
	after, ahead := map[string][]seen{}, map[string][]seen{}
	var first []seen // those ahead of all entries that are still there
	anchor := ""
	for _, e := range before {
		switch {
		case has[e.ID]:
			if anchor == "" {
				ahead[e.ID], first = first, nil
			}
			anchor = e.ID
		case anchor == "":
			first = append(first, e)
		default:
			after[anchor] = append(after[anchor], e)
		}
	}
	all := make([]seen, 0, len(now)+len(before))
	for _, e := range now {
		all = append(all, ahead[e.ID]...)
		all = append(all, e)
		all = append(all, after[e.ID]...)
	}
	all = append(all, first...) // the feed has none of the entries that it had
	return all[:min(len(all), most)]
}

// withdrawn returns the places in all, which merge has made, of the entries that the feed has no longer, although it has newer and
// older ones. An entry without an older one may only have fallen off the end.
func withdrawn(all []seen, has map[string]bool) []int {
	var gone, between []int
	newer := false
	for i, e := range all {
		switch {
		case has[e.ID]:
			gone, between, newer = append(gone, between...), nil, true
		case newer && !e.Gone:
			between = append(between, i)
		}
	}
	return gone
}

func idsOf(list []seen) map[string]bool {
	has := make(map[string]bool, len(list))
	for _, e := range list {
		has[e.ID] = true
	}
	return has
}
