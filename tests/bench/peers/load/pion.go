package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
)

// pionServer joins the small SFU beside this program: an offer is posted, the reply is the answer.
type pionServer struct{ options }

func newPion(o options) (server, error) { return &pionServer{o}, nil }

func (s *pionServer) publish(call int, from *source) error {
	peer, err := newPeer(s.address)
	if err != nil {
		return err
	}
	if err := sending(peer, from); err != nil {
		return err
	}
	return s.exchange(peer, fmt.Sprintf("publish?room=%d", call))
}

func (s *pionServer) subscribe(call, _ int, count *atomic.Int64) error {
	peer, err := newPeer(s.address)
	if err != nil {
		return err
	}
	counting(peer, s.size, count)
	kind := webrtc.NewRTPCodecType(s.kind)
	way := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := peer.AddTransceiverFromKind(kind, way); err != nil {
		return err
	}
	return s.exchange(peer, fmt.Sprintf("subscribe?room=%d", call))
}

func (s *pionServer) exchange(peer *webrtc.PeerConnection, path string) error {
	offer, err := offered(peer)
	if err != nil {
		return err
	}
	reply, err := http.Post(s.url+"/"+path, "application/sdp", strings.NewReader(offer))
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s %w", path, reply.Status, answer, err)
	}
	return accept(peer, string(answer))
}

func (s *pionServer) leave() {}
