package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"
)

const (
	// The key of LiveKit's own development mode.
	liveKitKey, liveKitSecret = "devkey", "secret-of-the-benchmark-only-32-bytes"
)

// liveKitServer joins by LiveKit's signalling: protobuf messages on a WebSocket.
type liveKitServer struct {
	options
	mutex sync.Mutex
	peers []*liveKitPeer
}

func newLiveKit(o options) (server, error) { return &liveKitServer{options: o}, nil }

func (s *liveKitServer) leave() {
	for _, p := range s.peers {
		_ = p.say(&livekit.SignalRequest{Message: &livekit.SignalRequest_Leave{Leave: &livekit.LeaveRequest{}}})
	}
}

// liveKitPeer is one participant with the peer connection it needs: who sends has the
// publisher's, who receives the subscriber's.
type liveKitPeer struct {
	socket *websocket.Conn
	mutex  sync.Mutex
	peer   *webrtc.PeerConnection
	target livekit.SignalTarget
	source *source
	early  []webrtc.ICECandidateInit
	joined chan error
}

func (s *liveKitServer) publish(call int, from *source) error {
	return s.join(call, "sender", from, nil)
}

func (s *liveKitServer) subscribe(call, number int, count *atomic.Int64) error {
	return s.join(call, fmt.Sprintf("receiver-%d", number), nil, count)
}

func (s *liveKitServer) join(call int, name string, from *source, count *atomic.Int64) error {
	peer, err := newPeer(s.address)
	if err != nil {
		return err
	}
	p := &liveKitPeer{peer: peer, source: from, joined: make(chan error, 1), target: livekit.SignalTarget_SUBSCRIBER}
	grant := &auth.VideoGrant{RoomJoin: true, Room: fmt.Sprintf("call-%d", call)}
	if from != nil {
		p.target = livekit.SignalTarget_PUBLISHER
		grant.SetCanSubscribe(false)
	} else {
		grant.SetCanPublish(false)
		counting(peer, s.size, count)
	}
	token, err := auth.NewAccessToken(liveKitKey, liveKitSecret).SetIdentity(name).SetVideoGrant(grant).SetValidFor(time.Hour).ToJWT()
	if err != nil {
		return err
	}
	query := url.Values{"access_token": {token}, "protocol": {"9"}, "auto_subscribe": {"1"}, "sdk": {"go"}}
	p.socket, _, err = websocket.DefaultDialer.Dial(s.url+"/rtc?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	s.peers = append(s.peers, p)
	s.mutex.Unlock()
	go p.read()
	go p.ping()
	select {
	case err := <-p.joined:
		if err != nil {
			return err
		}
		return connected(peer)
	case <-time.After(joinPatience):
		return fmt.Errorf("livekit: %s not connected in %v", name, joinPatience)
	}
}

func (p *liveKitPeer) read() {
	for {
		_, data, err := p.socket.ReadMessage()
		if err != nil {
			p.done(err)
			return
		}
		var message livekit.SignalResponse
		if err := proto.Unmarshal(data, &message); err != nil {
			p.done(err)
			return
		}
		if err := p.told(&message); err != nil {
			p.done(err)
			return
		}
	}
}

func (p *liveKitPeer) told(message *livekit.SignalResponse) error {
	switch m := message.Message.(type) {
	case *livekit.SignalResponse_Join:
		if p.source != nil {
			return p.announce()
		}
	case *livekit.SignalResponse_TrackPublished:
		return p.offer()
	case *livekit.SignalResponse_Answer:
		if err := p.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.Answer.Sdp}); err != nil {
			return err
		}
		p.done(nil)
		return p.addEarly()
	case *livekit.SignalResponse_Offer:
		if p.target != livekit.SignalTarget_SUBSCRIBER {
			return nil
		}
		answer, err := answered(p.peer, m.Offer.Sdp)
		if err != nil {
			return err
		}
		if err := p.addEarly(); err != nil {
			return err
		}
		p.done(nil)
		return p.say(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{Answer: &livekit.SessionDescription{Type: "answer", Sdp: answer, Id: m.Offer.Id}}})
	case *livekit.SignalResponse_Trickle:
		return p.candidate(m.Trickle)
	}
	return nil
}

func (p *liveKitPeer) announce() error {
	track := &livekit.AddTrackRequest{Cid: p.source.track.ID(), Name: "media", Type: livekit.TrackType_AUDIO, Source: livekit.TrackSource_MICROPHONE}
	if p.source.isVideo {
		track.Type, track.Source = livekit.TrackType_VIDEO, livekit.TrackSource_CAMERA
		track.Width, track.Height = 1280, 720
		track.Layers = []*livekit.VideoLayer{{Quality: livekit.VideoQuality_HIGH, Width: 1280, Height: 720, Bitrate: 25_000_000}}
	}
	return p.say(&livekit.SignalRequest{Message: &livekit.SignalRequest_AddTrack{AddTrack: track}})
}

func (p *liveKitPeer) offer() error {
	if err := sending(p.peer, p.source); err != nil {
		return err
	}
	offer, err := offered(p.peer)
	if err != nil {
		return err
	}
	return p.say(&livekit.SignalRequest{Message: &livekit.SignalRequest_Offer{Offer: &livekit.SessionDescription{Type: "offer", Sdp: offer, Id: 1}}})
}

func (p *liveKitPeer) candidate(trickle *livekit.TrickleRequest) error {
	if trickle.Target != p.target || trickle.CandidateInit == "" {
		return nil
	}
	var candidate webrtc.ICECandidateInit
	if err := json.Unmarshal([]byte(trickle.CandidateInit), &candidate); err != nil {
		return err
	}
	p.early = append(p.early, candidate)
	return p.addEarly()
}

// addEarly adds the candidates that came, once there is a description they belong to.
func (p *liveKitPeer) addEarly() error {
	if p.peer.RemoteDescription() == nil {
		return nil
	}
	for _, candidate := range p.early {
		if err := p.peer.AddICECandidate(candidate); err != nil {
			return err
		}
	}
	p.early = nil
	return nil
}

func (p *liveKitPeer) done(err error) {
	select {
	case p.joined <- err:
	default:
	}
}

func (p *liveKitPeer) ping() {
	for range time.Tick(5 * time.Second) {
		ping := &livekit.Ping{Timestamp: time.Now().UnixMilli()}
		if p.say(&livekit.SignalRequest{Message: &livekit.SignalRequest_PingReq{PingReq: ping}}) != nil {
			return
		}
	}
}

func (p *liveKitPeer) say(message *livekit.SignalRequest) error {
	data, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.socket.WriteMessage(websocket.BinaryMessage, data)
}
