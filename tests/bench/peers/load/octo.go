package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
)

// constraints ask for everything that is sent; without them the bridge sends no video.
const constraints = `{"colibriClass":"ReceiverVideoConstraints","lastN":-1,"defaultConstraints":{"maxHeight":2160}}`

// octoServer joins as a browser does: by the focus' signalling, JSON on a WebSocket, to a bridge
// that a real Colibri2 allocation found.
type octoServer struct {
	options
	mutex sync.Mutex
	peers []*octoPeer
}

func newOcto(o options) (server, error) { return &octoServer{options: o}, nil }

func (s *octoServer) leave() {
	for _, p := range s.peers {
		_ = p.say(map[string]any{"type": "leave", "version": 1})
	}
}

type octoMessage struct {
	Type      string         `json:"type"`
	Version   int            `json:"version"`
	SessionID string         `json:"sessionId,omitempty"`
	ID        int            `json:"id,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Transport *octoTransport `json:"transport,omitempty"`
	Sources   []octoSource   `json:"sources,omitempty"`
	Added     []octoSource   `json:"added,omitempty"`
}

type octoTransport struct {
	Ufrag           string          `json:"ufrag"`
	Pwd             string          `json:"pwd"`
	Candidates      []octoCandidate `json:"candidates"`
	FingerprintHash string          `json:"fingerprintHash"`
	Fingerprint     string          `json:"fingerprint"`
	Setup           string          `json:"setup"`
	SctpPort        int             `json:"sctpPort,omitempty"`
}

type octoCandidate struct {
	Foundation string `json:"foundation"`
	Priority   uint32 `json:"priority"`
	Address    string `json:"address"`
	Port       int    `json:"port"`
	Type       string `json:"type"`
}

// octoSource is one source: with ssrcs in what we say, with ssrc in what the focus says.
type octoSource struct {
	Kind  string   `json:"kind"`
	Ssrcs []uint32 `json:"ssrcs,omitempty"`
	Ssrc  uint32   `json:"ssrc,omitempty"`
}

// octoPeer is one participant.
type octoPeer struct {
	server *octoServer
	socket *websocket.Conn
	mutex  sync.Mutex
	peer   *webrtc.PeerConnection
}

func (s *octoServer) publish(call int, from *source) error {
	p, err := s.join(call)
	if err != nil {
		return err
	}
	if err := sending(p.peer, from); err != nil {
		return err
	}
	ssrc := uint32(p.peer.GetSenders()[0].GetParameters().Encodings[0].SSRC)
	offer, err := p.await("offer")
	if err != nil {
		return err
	}
	return p.answer(offer, 0, []octoSource{{Kind: s.kind, Ssrcs: []uint32{ssrc}}})
}

func (s *octoServer) subscribe(call, _ int, count *atomic.Int64) error {
	p, err := s.join(call)
	if err != nil {
		return err
	}
	counting(p.peer, s.size, count)
	offer, err := p.await("offer")
	if err != nil {
		return err
	}
	sources := offer.Sources
	if len(sources) == 0 {
		more, err := p.await("sources")
		if err != nil {
			return err
		}
		sources = more.Added
	}
	return p.answer(offer, sources[0].Ssrc, []octoSource{})
}

func (s *octoServer) join(call int) (*octoPeer, error) {
	peer, err := newPeer(s.address)
	if err != nil {
		return nil, err
	}
	protocol := "http://jitsi.org/protocols/colibri"
	channel, err := peer.CreateDataChannel("messages", &webrtc.DataChannelInit{Protocol: &protocol})
	if err != nil {
		return nil, err
	}
	channel.OnOpen(func() { _ = channel.SendText(constraints) })
	socket, _, err := websocket.DefaultDialer.Dial(s.url, nil)
	if err != nil {
		return nil, err
	}
	p := &octoPeer{server: s, socket: socket, peer: peer}
	s.mutex.Lock()
	s.peers = append(s.peers, p)
	s.mutex.Unlock()
	return p, p.say(map[string]any{
		"type": "join", "version": 1, "conference": fmt.Sprintf("call-%d", call),
		"wishes": map[string]any{"dataChannel": true},
	})
}

// await reads until the focus says something of this type.
func (p *octoPeer) await(wanted string) (octoMessage, error) {
	_ = p.socket.SetReadDeadline(time.Now().Add(joinPatience))
	for {
		var message octoMessage
		if err := p.socket.ReadJSON(&message); err != nil {
			return message, fmt.Errorf("focus: no %s: %w", wanted, err)
		}
		switch message.Type {
		case wanted:
			return message, nil
		case "ended", "waiting":
			return message, fmt.Errorf("focus: %s: %s", message.Type, message.Reason)
		}
	}
}

// answer takes the bridge's transport, tells ours and waits until they're connected.
func (p *octoPeer) answer(offer octoMessage, ssrc uint32, sources []octoSource) error {
	sdp, err := answered(p.peer, describe(*offer.Transport, p.server.kind, ssrc))
	if err != nil {
		return err
	}
	hash, fingerprint, _ := strings.Cut(line(sdp, "a=fingerprint:"), " ")
	own := octoTransport{
		Ufrag: line(sdp, "a=ice-ufrag:"), Pwd: line(sdp, "a=ice-pwd:"), Setup: line(sdp, "a=setup:"),
		FingerprintHash: hash, Fingerprint: fingerprint, Candidates: ownCandidates(sdp),
	}
	if err := p.say(map[string]any{"type": "answer", "version": 1, "sessionId": offer.SessionID, "transport": own, "sources": sources}); err != nil {
		return err
	}
	if err := connected(p.peer); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	go p.ping()
	go func() {
		_ = p.socket.SetReadDeadline(time.Time{})
		for {
			if _, _, err := p.socket.ReadMessage(); err != nil {
				return
			}
		}
	}()
	return p.say(map[string]any{"type": "connected", "version": 1, "sessionId": offer.SessionID})
}

// describe writes the bridge's transport as the SDP offer that pion wants; ssrc 0: it receives.
func describe(t octoTransport, kind string, ssrc uint32) string {
	var out strings.Builder
	write := func(format string, values ...any) { fmt.Fprintf(&out, format+"\r\n", values...) }
	port := t.SctpPort
	if port == 0 {
		port = 5000
	}
	write("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1")
	number, codecs := videoType, "a=rtpmap:100 VP8/90000\r\na=rtcp-fb:100 nack\r\na=rtcp-fb:100 nack pli\r\na=rtcp-fb:100 ccm fir"
	if kind == "audio" {
		number, codecs = audioType, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1"
	}
	transport := func(mid int) {
		write("c=IN IP4 0.0.0.0\r\na=mid:%d\r\na=ice-ufrag:%s\r\na=ice-pwd:%s", mid, t.Ufrag, t.Pwd)
		write("a=fingerprint:%s %s\r\na=setup:%s", t.FingerprintHash, t.Fingerprint, t.Setup)
	}
	write("m=%s 9 UDP/TLS/RTP/SAVPF %d", kind, number)
	transport(0)
	write("a=rtcp-mux\r\n%s", codecs)
	if ssrc == 0 {
		write("a=recvonly")
	} else {
		write("a=sendonly\r\na=msid:bridge media\r\na=ssrc:%d cname:bridge\r\na=ssrc:%d msid:bridge media", ssrc, ssrc)
	}
	for _, c := range t.Candidates {
		write("a=candidate:%s 1 udp %d %s %d typ %s", c.Foundation, c.Priority, c.Address, c.Port, c.Type)
	}
	write("m=application 9 UDP/DTLS/SCTP webrtc-datachannel")
	transport(1)
	write("a=sctp-port:%d", port)
	return out.String()
}

func ownCandidates(sdp string) []octoCandidate {
	var found []octoCandidate
	for _, each := range strings.Split(sdp, "\r\n") {
		var c octoCandidate
		var component int
		var protocol string
		read, _ := fmt.Sscanf(each, "a=candidate:%s %d %s %d %s %d typ %s", &c.Foundation, &component, &protocol, &c.Priority, &c.Address, &c.Port, &c.Type)
		if read == 7 && component == 1 {
			found = append(found, c)
		}
	}
	return found
}

func (p *octoPeer) ping() {
	for number := 1; ; number++ {
		time.Sleep(2 * time.Second)
		if p.say(map[string]any{"type": "ping", "version": 1, "id": number}) != nil {
			return
		}
	}
}

func (p *octoPeer) say(message map[string]any) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.socket.WriteJSON(message)
}
