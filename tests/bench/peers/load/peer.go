package main

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const joinPatience = 15 * time.Second

// newPeer makes a peer connection that sends reports as every client does, and offers what every
// server is asked for: AES-GCM, one codec of each kind, NACK and PLI.
func newPeer(address string) (*webrtc.PeerConnection, error) {
	media, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	for _, isVideo := range []bool{true, false} {
		kind, number := webrtc.RTPCodecTypeAudio, webrtc.PayloadType(audioType)
		if isVideo {
			kind, number = webrtc.RTPCodecTypeVideo, videoType
		}
		parameters := webrtc.RTPCodecParameters{RTPCodecCapability: codec(isVideo), PayloadType: number}
		if err := media.RegisterCodec(parameters, kind); err != nil {
			return nil, err
		}
	}
	receiver, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, err
	}
	sender, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, err
	}
	registry.Add(receiver)
	registry.Add(sender)
	sockets, err := newRoomyNet()
	if err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetNet(sockets)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIPFilter(func(ip net.IP) bool { return ip.String() == address })
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	settings.DisableSRTPReplayProtection(true)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	peer, err := api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err == nil {
		peersMutex.Lock()
		peers = append(peers, peer)
		peersMutex.Unlock()
	}
	return peer, err
}

var (
	peers      []*webrtc.PeerConnection
	peersMutex sync.Mutex
)

// closePeers tells every server that its peers are gone.
func closePeers() {
	for _, peer := range peers {
		_ = peer.Close()
	}
}

// sending adds a source's track and minds what the server says about it.
func sending(peer *webrtc.PeerConnection, from *source) error {
	transceiver, err := peer.AddTransceiverFromTrack(from.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	obey(transceiver.Sender(), from)
	return nil
}

// obey reads the feedback on what is sent; keyframes are made when asked for.
func obey(sender *webrtc.RTPSender, from *source) {
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, packet := range packets {
				switch packet.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					from.wanted.Store(true)
				}
			}
		}
	}()
}

// counting counts the packets of every track that comes.
func counting(peer *webrtc.PeerConnection, size int, count *atomic.Int64) {
	peer.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() {
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		buffer := make([]byte, 2048)
		for {
			read, _, err := track.Read(buffer)
			if err != nil {
				return
			}
			if read >= size {
				count.Add(1)
			}
		}
	})
}

// described sets the local description and returns it with all candidates.
func described(peer *webrtc.PeerConnection, description webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(description); err != nil {
		return "", err
	}
	select {
	case <-gathered:
		return peer.LocalDescription().SDP, nil
	case <-time.After(10 * time.Second):
		return "", errors.New("candidates weren't gathered in 10 s")
	}
}

func offered(peer *webrtc.PeerConnection) (string, error) {
	offer, err := peer.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	return described(peer, offer)
}

// answered takes the server's offer and returns the answer to it.
func answered(peer *webrtc.PeerConnection, offer string) (string, error) {
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return described(peer, answer)
}

func accept(peer *webrtc.PeerConnection, answer string) error {
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	return connected(peer)
}

// line returns what follows the first SDP line that begins so.
func line(sdp, prefix string) string {
	for _, each := range strings.Split(sdp, "\r\n") {
		if value, found := strings.CutPrefix(each, prefix); found {
			return value
		}
	}
	return ""
}

// connected returns once ICE and DTLS stand; a peer that failed or takes too long is an error.
func connected(peer *webrtc.PeerConnection) error {
	deadline := time.Now().Add(joinPatience)
	for time.Now().Before(deadline) {
		switch peer.ConnectionState() {
		case webrtc.PeerConnectionStateConnected:
			return nil
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			return errors.New("the connection failed")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("not connected in time")
}
