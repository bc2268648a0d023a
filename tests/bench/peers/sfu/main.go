// A small SFU on pion: one port, rooms of one sender and many receivers, posted offers. What it
// does is what pion does; it's here to be measured.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

type room struct {
	track  *webrtc.TrackLocalStaticRTP
	sender *webrtc.PeerConnection
	ssrc   uint32
}

// askKeyframe tells the sender that somebody needs a whole picture.
func (r *room) askKeyframe() {
	_ = r.sender.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: r.ssrc}})
}

type sfu struct {
	api   *webrtc.API
	mutex sync.Mutex
	rooms map[string]*room
}

func main() {
	address := flag.String("address", "127.0.0.1", "IP address for media and signalling")
	media := flag.Int("media", 10100, "UDP port for media")
	signalling := flag.Int("signalling", 10101, "TCP port for offers")
	flag.Parse()
	server := &sfu{api: newAPI(*address, *media), rooms: map[string]*room{}}
	http.HandleFunc("POST /publish", server.handle(server.publish))
	http.HandleFunc("POST /subscribe", server.handle(server.subscribe))
	log.Fatal(http.ListenAndServe(fmt.Sprintf("%s:%d", *address, *signalling), nil))
}

func newAPI(address string, port int) *webrtc.API {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(address), Port: port})
	if err != nil {
		log.Fatal(err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket))
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIPFilter(func(ip net.IP) bool { return ip.String() == address })
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		log.Fatal(err)
	}
	if err := webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		log.Fatal(err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry))
}

func (s *sfu) handle(join func(*webrtc.PeerConnection, string) error) http.HandlerFunc {
	return func(out http.ResponseWriter, request *http.Request) {
		answer, err := s.answer(request, join)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(out, answer)
	}
}

func (s *sfu) answer(request *http.Request, join func(*webrtc.PeerConnection, string) error) (string, error) {
	offer, err := io.ReadAll(request.Body)
	if err != nil {
		return "", err
	}
	peer, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed {
			_ = peer.Close()
		}
	})
	if err := join(peer, request.FormValue("room")); err != nil {
		return "", err
	}
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}); err != nil {
		return "", err
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return peer.LocalDescription().SDP, nil
}

func (s *sfu) publish(peer *webrtc.PeerConnection, name string) error {
	peer.OnTrack(func(from *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		track, err := webrtc.NewTrackLocalStaticRTP(from.Codec().RTPCodecCapability, "media", name)
		if err != nil {
			log.Print(err)
			return
		}
		s.mutex.Lock()
		s.rooms[name] = &room{track: track, sender: peer, ssrc: uint32(from.SSRC())}
		s.mutex.Unlock()
		buffer := make([]byte, 1500)
		for {
			read, _, err := from.Read(buffer)
			if err != nil {
				return
			}
			if _, err := track.Write(buffer[:read]); err != nil {
				return
			}
		}
	})
	return nil
}

func (s *sfu) subscribe(peer *webrtc.PeerConnection, name string) error {
	joined, err := s.room(name)
	if err != nil {
		return err
	}
	sender, err := peer.AddTrack(joined.track)
	if err != nil {
		return err
	}
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, packet := range packets {
				if _, asks := packet.(*rtcp.PictureLossIndication); asks {
					joined.askKeyframe()
				}
			}
		}
	}()
	joined.askKeyframe()
	return nil
}

// room waits for the sender's first packet, since the codec is known only then.
func (s *sfu) room(name string) (*room, error) {
	for range 100 {
		s.mutex.Lock()
		found := s.rooms[name]
		s.mutex.Unlock()
		if found != nil {
			return found, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("nobody sends in room %q", name)
}
