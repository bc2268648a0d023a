package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// janusServer talks the HTTP API of a Janus with the videoroom plugin: one session, a handle for
// each participant, events by one long poll.
type janusServer struct {
	options
	session string
	mutex   sync.Mutex
	waiting map[string]chan janusMessage
	number  int
	feeds   map[int]json.Number
}

type janusMessage struct {
	Janus       string `json:"janus"`
	Transaction string `json:"transaction"`
	Data        struct {
		ID json.Number `json:"id"`
	} `json:"data"`
	Error struct {
		Reason string `json:"reason"`
	} `json:"error"`
	Plugin struct {
		Data struct {
			ID    json.Number `json:"id"`
			Error string      `json:"error"`
		} `json:"data"`
	} `json:"plugindata"`
	Jsep *jsep `json:"jsep"`
}

type jsep struct {
	Type string `json:"type"`
	SDP  string `json:"sdp"`
}

func newJanus(o options) (server, error) {
	s := &janusServer{options: o, waiting: map[string]chan janusMessage{}, feeds: map[int]json.Number{}}
	reply, err := s.post(o.url, map[string]any{"janus": "create"})
	if err != nil {
		return nil, err
	}
	s.session = o.url + "/" + reply.Data.ID.String()
	go s.poll()
	return s, nil
}

func (s *janusServer) publish(call int, from *source) error {
	peer, err := newPeer(s.address)
	if err != nil {
		return err
	}
	if err := sending(peer, from); err != nil {
		return err
	}
	handle, err := s.attach()
	if err != nil {
		return err
	}
	room := map[string]any{"request": "create", "room": call + 1, "publishers": 2, "bitrate": 0, "videocodec": "vp8", "audiocodec": "opus"}
	if _, err := s.ask(handle, room, nil); err != nil {
		return err
	}
	offer, err := offered(peer)
	if err != nil {
		return err
	}
	wanted := map[string]any{"request": "joinandconfigure", "ptype": "publisher", "room": call + 1, "bitrate": 0}
	reply, err := s.ask(handle, wanted, &jsep{"offer", offer})
	if err != nil {
		return err
	}
	s.feeds[call] = reply.Plugin.Data.ID
	return accept(peer, reply.Jsep.SDP)
}

func (s *janusServer) subscribe(call, _ int, count *atomic.Int64) error {
	peer, err := newPeer(s.address)
	if err != nil {
		return err
	}
	counting(peer, s.size, count)
	handle, err := s.attach()
	if err != nil {
		return err
	}
	streams := []map[string]any{{"feed": s.feeds[call]}}
	wanted := map[string]any{"request": "join", "ptype": "subscriber", "room": call + 1, "streams": streams}
	reply, err := s.ask(handle, wanted, nil)
	if err != nil {
		return err
	}
	answer, err := answered(peer, reply.Jsep.SDP)
	if err != nil {
		return err
	}
	if _, err = s.ask(handle, map[string]any{"request": "start"}, &jsep{webrtc.SDPTypeAnswer.String(), answer}); err != nil {
		return err
	}
	return connected(peer)
}

func (s *janusServer) leave() {
	_, _ = s.post(s.session, map[string]any{"janus": "destroy"})
}

func (s *janusServer) attach() (string, error) {
	reply, err := s.post(s.session, map[string]any{"janus": "attach", "plugin": "janus.plugin.videoroom"})
	return s.session + "/" + reply.Data.ID.String(), err
}

// ask sends a message to the plugin and waits for its reply, which comes at once or as an event.
func (s *janusServer) ask(handle string, body map[string]any, description *jsep) (janusMessage, error) {
	message := map[string]any{"janus": "message", "body": body}
	if description != nil {
		message["jsep"] = description
	}
	arrives := make(chan janusMessage, 1)
	name := s.transaction()
	s.mutex.Lock()
	s.waiting[name] = arrives
	s.mutex.Unlock()
	message["transaction"] = name
	reply, err := s.post(handle, message)
	if err != nil {
		return reply, err
	}
	if reply.Janus == "ack" {
		select {
		case reply = <-arrives:
		case <-time.After(15 * time.Second):
			return reply, fmt.Errorf("janus: no event after %v in 15 s", body["request"])
		}
	}
	if problem := reply.Plugin.Data.Error; problem != "" {
		return reply, fmt.Errorf("janus: %v: %s", body["request"], problem)
	}
	return reply, nil
}

func (s *janusServer) transaction() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.number++
	return fmt.Sprintf("t%d", s.number)
}

func (s *janusServer) post(url string, message map[string]any) (janusMessage, error) {
	if _, named := message["transaction"]; !named {
		message["transaction"] = s.transaction()
	}
	text, err := json.Marshal(message)
	if err != nil {
		return janusMessage{}, err
	}
	reply, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		return janusMessage{}, err
	}
	defer reply.Body.Close()
	var found janusMessage
	if err := json.NewDecoder(reply.Body).Decode(&found); err != nil {
		return found, err
	}
	if found.Janus == "error" {
		return found, fmt.Errorf("janus: %s", found.Error.Reason)
	}
	return found, nil
}

// poll hands events to those who wait for them; it also keeps the session alive.
func (s *janusServer) poll() {
	for {
		reply, err := http.Get(s.session + "?maxev=20")
		if err != nil {
			return
		}
		var events []janusMessage
		err = json.NewDecoder(reply.Body).Decode(&events)
		reply.Body.Close()
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for _, event := range events {
			s.mutex.Lock()
			arrives, found := s.waiting[event.Transaction]
			if found && event.Janus == "event" {
				delete(s.waiting, event.Transaction)
				arrives <- event
			}
			s.mutex.Unlock()
		}
	}
}
