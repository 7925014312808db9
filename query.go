package motacilla

// DefaultLimit is how many posts a Query asks for whose Limit is 0.
const DefaultLimit = 50

// Query chooses posts of a channel, newest first.
type Query struct {
	Before  PostKey // only posts older than this; the zero key begins at the newest
	Limit   int     // at most so many; 0 means DefaultLimit
	Visible bool    // only posts that are shown
	Pinned  bool    // only posts that are pinned
}

// Page is the answer to a Query.
type Page struct {
	Head  Revision // the channel's newest revision, of the same snapshot as Posts
	Posts []Post   // newest first, by (Created, ID)
	More  bool     // there are older ones that the query chooses too
}

// MaxIssued is how many revisions Changes.Issued lists at most.
const MaxIssued = 4096

// Changes are the facts about what happened on a channel after a revision, of one snapshot.
type Changes struct {
	Head      Revision  // the channel's newest revision; of a deleted channel, that of its deletion
	Floor     Revision  // the oldest revision that the store remembers of the channel's present life
	Known     bool      // since is a revision that was issued and is still remembered
	Truncated bool      // more than limit posts changed or went; Posts, Removed and Issued are then empty
	Deleted   bool      // the channel has been deleted
	Channel   *Channel  // the channel, where its title, access or end changed after since; nil otherwise
	Posts     []Post    // posts made or changed after since, hidden ones too, oldest change first
	Removed   []Removal // posts removed after since, oldest removal first

	// Issued lists the newest revisions issued after since, at most MaxIssued, oldest first; the last one is Head. A list
	// that is shorter than MaxIssued has all of them. If it is full, earlier ones may be left out, and whether such a
	// revision was issued is not known from it.
	Issued []Revision
}

// Removal says that a post was removed, and when.
type Removal struct {
	ID       PostID
	Revision Revision
}

// Moved is a hint that a channel has a new head.
type Moved struct {
	Channel ChannelID
	Head    Revision
	Deleted bool
}
