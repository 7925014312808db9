package fanout

import (
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/tlsrecord/recordtest"
)

var serverConfig = sync.OnceValue(recordtest.Server)

// secureClient does what a client does before its connection is taken over.
func secureClient(c net.Conn) (net.Conn, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	secure := tls.Client(c, recordtest.Trusting())
	_, err := secure.Write([]byte("?"))
	return secure, err
}

// TestTLS runs tests of other files again. A rig of such a test has TLS.
func TestTLS(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"EveryReaderGetsEveryFrame":               TestEveryReaderGetsEveryFrame,
		"ReaderThatJoinsGetsHelloAndWhatIsNew":    TestReaderThatJoinsGetsHelloAndWhatIsNew,
		"SlowReaderGetsOneFrame":                  TestSlowReaderGetsOneFrame,
		"StalledReaderIsClosed":                   TestStalledReaderIsClosed,
		"ReaderGetsAFrameThatIsFoundLater":        TestReaderGetsAFrameThatIsFoundLater,
		"ReaderIsClosedAfterTheLastFrame":         TestReaderIsClosedAfterTheLastFrame,
		"QuestionsAndAnswers":                     TestQuestionsAndAnswers,
		"InputComesInOrderUntilTheEnd":            TestInputComesInOrderUntilTheEnd,
		"ProtocolSendsBetweenFrames":              TestProtocolSendsBetweenFrames,
		"CloseMessageWaitsForThePeer":             TestCloseMessageWaitsForThePeer,
		"Detach":                                  TestDetach,
		"ReaderGetsWhatFollowsAFrameThatWasFound": TestReaderGetsWhatFollowsAFrameThatWasFound,
		"GuardedReadersDoNotGetPrivateFrames":     TestGuardedReadersDoNotGetPrivateFrames,
		"GuardedReadersAreRefused":                TestGuardedReadersAreRefused,
		"TimesAreCheckedUnderOverload":            TestTimesAreCheckedUnderOverload,
		"LongPassDoesNotDelayOtherTopics":         TestLongPassDoesNotDelayOtherTopics,
		"ReaderFollowsTwoTopics":                  TestReaderFollowsTwoTopics,
		"FullSocketGetsTheNewestOfEachTopic":      TestFullSocketGetsTheNewestOfEachTopic,
		"UnixSocket":                              TestUnixSocket,
		"DescriptorsAreClosed":                    TestDescriptorsAreClosed,
		"FullSocketIsHandedOver":                  TestFullSocketIsHandedOver,
		"TimesAreHandedOver":                      TestTimesAreHandedOver,
		"ReadersThatStay":                         TestReadersThatStay,
		"Model":                                   TestModel,
	} {
		t.Run(name, test)
	}
}

// tlsServer is a connection that package tlsrecord does not watch.
func tlsServer(conn net.Conn) net.Conn { return tls.Server(conn, serverConfig()) }
