package motacilla

// DefaultLimit is the limit of a Query whose Limit is 0.
const DefaultLimit = 50

// Query selects posts of a channel, newest first.
type Query struct {
	Before  PostKey // only posts older than this; the zero key means all posts
	Limit   int     // at most so many posts; 0 means DefaultLimit
	Visible bool    // only posts that are shown
	Pinned  bool    // only posts that are pinned
}

// Page is the answer to a Query.
type Page struct {
	Head  Revision // the channel's newest revision, read together with Posts
	Posts []Post   // newest first, by (Created, ID)
	More  bool     // there are older posts that the query selects
}

// MaxIssued is the largest number of revisions that Changes.Issued lists.
const MaxIssued = 4096

// Changes are what storage.Reader's Changes returns: the changes of a channel after the revision since, of at most limit
// posts, all read at one point in time.
type Changes struct {
	Head      Revision  // the channel's newest revision; of a deleted channel, that of its deletion
	Floor     Revision  // the oldest revision that the store remembers of the channel's present life
	Known     bool      // since is a revision that was issued and is still remembered
	Truncated bool      // more than limit posts changed or were removed; Posts, Removed and Issued are then empty
	Deleted   bool      // the channel has been deleted
	Channel   *Channel  // the channel, if its title, access or end changed after since; nil otherwise
	Posts     []Post    // posts created or changed after since, hidden posts too, oldest change first
	Removed   []Removal // posts removed after since, oldest removal first

	// Issued lists the revisions that were issued after since, oldest first. The last one is Head. It lists at most
	// MaxIssued, the newest. A shorter list is complete. From a list of MaxIssued revisions it is not known which
	// revisions before the first of them were issued.
	Issued []Revision
}

// Removal says that a post was removed, and at which revision.
type Removal struct {
	ID       PostID
	Revision Revision
}

// Moved is a hint that a channel has a new head.
type Moved struct {
	Channel ChannelID
	Head    Revision
	Deleted bool // Head is the revision of the channel's deletion
}
