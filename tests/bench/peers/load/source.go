package main

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	tick            = 2 * time.Millisecond
	framesPerSecond = 30
	videoType       = 100
	audioType       = 111
)

// source makes one sender's packets: Opus-like, or VP8 with picture ids and one temporal layer,
// since servers look at these. A keyframe comes first and whenever one is asked for.
type source struct {
	track    *webrtc.TrackLocalStaticRTP
	direct   func(*rtp.Packet) error
	packet   rtp.Packet
	isVideo  bool
	perFrame int
	inFrame  int
	picture  uint16
	keyframe bool
	wanted   atomic.Bool
}

func newSource(o options) (*source, error) {
	s := &source{isVideo: o.kind == "video"}
	s.perFrame = max(1, o.rate/o.calls/framesPerSecond)
	s.packet.Payload = make([]byte, o.size)
	for at := range s.packet.Payload {
		s.packet.Payload[at] = byte(at * 7)
	}
	s.packet.Version = 2
	s.wanted.Store(true)
	track, err := webrtc.NewTrackLocalStaticRTP(codec(s.isVideo), "media", "peer")
	s.track = track
	return s, err
}

// codec is what every server is asked for; the payload types are those of Jitsi.
func codec(isVideo bool) webrtc.RTPCodecCapability {
	if isVideo {
		feedback := []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
		return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}
	}
	return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
}

// next makes the next packet ready; it's the same memory each time.
func (s *source) next() *rtp.Packet {
	p := &s.packet
	p.SequenceNumber++
	if !s.isVideo {
		p.PayloadType = audioType
		p.Timestamp += 960
		return p
	}
	p.PayloadType = videoType
	if s.inFrame == 0 {
		p.Timestamp += 90000 / framesPerSecond
		s.picture = (s.picture + 1) & 0x7fff
		s.keyframe = s.wanted.Swap(false)
	}
	s.describe(p.Payload)
	s.inFrame++
	p.Marker = s.inFrame == s.perFrame
	if p.Marker {
		s.inFrame = 0
	}
	return p
}

// describe writes the VP8 payload descriptor (RFC 7741) and, in a frame's first packet, the frame's
// header, with its size in a keyframe.
func (s *source) describe(payload []byte) {
	payload[0] = 0x80
	payload[1] = 0xe0 // picture id, TL0PICIDX, TID
	payload[2] = 0x80 | byte(s.picture>>8)
	payload[3] = byte(s.picture)
	payload[4] = byte(s.picture)
	payload[5] = 0
	if s.inFrame != 0 {
		return
	}
	payload[0] |= 0x10
	frame := payload[6:]
	if s.keyframe {
		copy(frame, []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02})
	} else {
		copy(frame, []byte{0x11, 0x02, 0x00})
	}
}

func (s *source) write() error {
	p := s.next()
	if s.direct != nil {
		return s.direct(p)
	}
	return s.track.WriteRTP(p)
}

// send gives the sources their turns: every tick as many packets as the rate asks for.
func send(sources []*source, rate int, sent *atomic.Int64) {
	runtime.LockOSThread()
	began, done := time.Now(), 0
	for {
		time.Sleep(time.Until(began.Add(time.Duration(done) * time.Second / time.Duration(rate))))
		due := int(time.Since(began.Add(-tick)).Seconds() * float64(rate))
		for ; done < due; done++ {
			s := sources[done%len(sources)]
			if err := s.write(); err != nil {
				// The peer was closed: this program is about to end.
				return
			}
			sent.Add(1)
		}
	}
}
