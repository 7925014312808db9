package main

import "time"

// step is one change to one post. The first step with a post's name creates the post, later ones change it.
type step struct {
	post   string // the post's name in this script
	text   string // sanitised HTML; "" leaves it as it is
	by     string
	wait   time.Duration // before it; 0 is unhurried
	key    bool
	pin    bool
	hide   bool
	remove bool
}

const (
	mara = "Mara Ellis"
	joe  = "Joe Whitlock"
)

// opening is how many steps happen without a pause.
const opening = 3

var script = [...]step{
	{post: "welcome", by: mara, text: "<p>Good evening, and welcome to the Riverside Ground: {home} against {away}, under the lights. It has rained all day and it has just stopped.</p>"},
	{post: "teams", by: mara, text: "<p>The teams are in. {striker} starts up front for {home}, {mid} behind. {away} keep faith with {rival}, who has scored in each of the last four.</p>"},
	{post: "score", by: mara, pin: true, text: "<p><strong>{home} 0–0 {away}</strong> · about to begin</p>"},
	{post: "kickoff", by: mara, key: true, text: "<p><strong>Kick-off!</strong> {away} get us under way, from left to right.</p>"},
	{post: "score", pin: true, text: "<p><strong>{home} 0–0 {away}</strong> · first half</p>"},
	{post: "3", by: joe, text: "<p>3 min: A nervous start. {mid} slips, {winger} is away down the right, and the cross is just too long for everybody.</p>"},
	{post: "8", by: mara, text: "<p>8 min: First corner for {home}. Headed clear.</p>"},
	{post: "11", by: joe, text: "<p>11 min: Save! {keeper} gets down well to {rival}'s low shot from twenty yards.</p>"},
	{post: "11", text: "<p>11 min: Save! {keeper} gets down well to {rival}'s low shot from twenty yards. Replays show that it took a deflection; that makes it better still.</p>"},
	{post: "16", by: mara, text: "<p>16 min: {home} have had 62% of the ball, and nothing to show for it.</p>"},
	{post: "19", by: joe, key: true, text: "<p>19 min: <strong>GOAL! {home} 1–0 {away}.</strong> {striker}, of course!</p>"},
	{post: "score", wait: time.Second, pin: true, text: "<p><strong>{home} 1–0 {away}</strong> · first half</p>"},
	{post: "19", text: "<p>19 min: <strong>GOAL! {home} 1–0 {away}.</strong> {mid} wins it in midfield, looks up once, and slides it through. {striker} takes a touch and rolls it in off the post.</p>"},
	{post: "23", by: joe, key: true, text: "<p>23 min: And a second! No, wait: the flag is up.</p>"},
	{post: "23", hide: true},
	{post: "24", by: mara, text: "<p>24 min: They are having a look at it. Offside by the width of a boot, from here.</p>"},
	{post: "23", text: "<p>23 min: {striker} has the ball in the net again, but was <em>offside</em>. It stays at 1–0.</p>"},
	{post: "30", by: joe, text: "<p>30 min: Yellow card for {winger}, for a late one on {mid}.</p>"},
	{post: "33", by: mara, text: "<p>33 min: Red card for {winger}!</p>"},
	{post: "33", wait: 3 * time.Second, remove: true},
	{post: "34", by: mara, text: "<p>34 min: Correction: that was a word with the captain and no second card. We have taken the post down; sorry, {winger}.</p>"},
	{post: "38", by: joe, text: "<p>38 min: {rival} hits the bar! {keeper} was beaten.</p>"},
	{post: "45", by: mara, key: true, text: "<p><strong>Half-time: {home} 1–0 {away}.</strong> Deserved, narrowly.</p>"},
	{post: "score", wait: time.Second, pin: true, text: "<p><strong>{home} 1–0 {away}</strong> · half-time</p>"},
	{post: "tea", wait: 6 * time.Second, by: joe, text: "<blockquote><p>“Has {keeper} ever had a better half?”</p></blockquote><p>asks a reader from row G. Not that we have seen.</p>"},
	{post: "46", wait: 6 * time.Second, by: mara, text: "<p>We are off again. No changes on either side.</p>"},
	{post: "score", wait: time.Second, pin: true, text: "<p><strong>{home} 1–0 {away}</strong> · second half</p>"},
	{post: "52", by: joe, text: "<p>52 min: {away} are pushing. Three corners in a row, the last of them punched away.</p>"},
	{post: "57", by: mara, key: true, text: "<p>57 min: <strong>GOAL! {home} 1–1 {away}.</strong> {rival} heads in at the far post.</p>"},
	{post: "score", wait: time.Second, pin: true, text: "<p><strong>{home} 1–1 {away}</strong> · second half</p>"},
	{post: "57", text: "<p>57 min: <strong>GOAL! {home} 1–1 {away}.</strong> {winger} crosses, {rival} heads in at the far post. That makes five in five.</p>"},
	{post: "64", by: joe, text: "<p>64 min: Substitution for {home}: {mid} makes way, to a standing ovation.</p>"},
	{post: "71", by: mara, text: "<p>71 min: This could go either way now. <em>Both</em> managers are on the line.</p>"},
	{post: "78", by: joe, text: "<p>78 min: {keeper} again! One against one with {winger}, and a save with the left foot.</p>"},
	{post: "85", by: mara, text: "<p>85 min: Free kick for {home}, 22 metres out. {striker} stands over it …</p>"},
	{post: "86", wait: 3 * time.Second, by: mara, key: true, text: "<p>86 min: <strong>GOAL! {home} 2–1 {away}.</strong> Over the wall, in off the bar. What a strike!</p>"},
	{post: "score", wait: time.Second, pin: true, text: "<p><strong>{home} 2–1 {away}</strong> · second half</p>"},
	{post: "90", by: joe, text: "<p>90 min: Four minutes to be added.</p>"},
	{post: "94", by: mara, text: "<p>90+4 min: Everybody forward for {away}, the goalkeeper too. Cleared!</p>"},
	{post: "end", by: mara, key: true, text: "<p><strong>Full time: {home} 2–1 {away}.</strong> {striker} decides it with two.</p>"},
	{post: "score", wait: time.Second, text: "<p><strong>{home} 2–1 {away}</strong> · full time</p>"},
	{post: "bye", by: joe, text: "<p>That is it from the Riverside Ground. The next match begins in a moment; stay where you are.</p>"},
}
