// Load for every server that the benchmark compares: one that sends and nine that receive in each
// call, the same packets at the same moments whatever the server. Only how they join differs.
//
// Prints "ready" once every receiver gets packets; for each line it then reads, it measures one
// window: prints "begin", later {"sent": …, "received": [per receiver]}. Ends with its input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// server is how participants join one kind of server and leave it; calls have numbers.
type server interface {
	publish(call int, to *source) error
	subscribe(call, number int, count *atomic.Int64) error
	leave()
}

type options struct {
	url       string
	address   string
	first     int
	calls     int
	receivers int
	rate      int
	size      int
	kind      string
	window    time.Duration
}

func main() {
	log.SetFlags(log.Lmicroseconds)
	var o options
	name := flag.String("server", "", "octo, janus, livekit, pion or bare")
	flag.StringVar(&o.url, "url", "", "where the server listens for signalling")
	flag.StringVar(&o.address, "address", "127.0.0.1", "this side's IP address")
	flag.IntVar(&o.first, "first", 0, "number of the first call, so that runs have calls of their own")
	flag.IntVar(&o.calls, "calls", 1, "calls")
	flag.IntVar(&o.receivers, "receivers", 9, "receivers in each call")
	flag.IntVar(&o.rate, "rate", 2500, "packets a second in all calls together")
	flag.IntVar(&o.size, "size", 1100, "payload bytes of a packet")
	flag.StringVar(&o.kind, "kind", "video", "video or audio")
	flag.DurationVar(&o.window, "window", 5*time.Second, "how long to measure")
	flag.Parse()
	made, err := connect(*name, o)
	if err != nil {
		log.Fatal(err)
	}
	var sent atomic.Int64
	counts, err := join(made, o, &sent)
	if err != nil {
		log.Fatalf("%s: %v", *name, err)
	}
	if err := flowing(counts); err != nil {
		log.Fatalf("%s: %v", *name, err)
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		measure(&sent, counts, o.window)
	}
	made.leave()
	closePeers()
}

func connect(name string, o options) (server, error) {
	switch name {
	case "octo":
		return newOcto(o)
	case "janus":
		return newJanus(o)
	case "livekit":
		return newLiveKit(o)
	case "pion":
		return newPion(o)
	case "bare":
		return newBare(o)
	}
	return nil, fmt.Errorf("-server: octo, janus, livekit, pion or bare, not %q", name)
}

// join lets everybody in: first who sends, then, while they send, who receives.
func join(to server, o options, sent *atomic.Int64) ([]*atomic.Int64, error) {
	sources := make([]*source, o.calls)
	for call := range sources {
		made, err := newSource(o)
		if err != nil {
			return nil, err
		}
		sources[call] = made
		if err := to.publish(o.first+call, made); err != nil {
			return nil, fmt.Errorf("sender of call %d: %w", call, err)
		}
	}
	go send(sources, o.rate, sent)
	counts := make([]*atomic.Int64, o.calls*o.receivers)
	var all sync.WaitGroup
	failed := make(chan error, len(counts))
	for at := range counts {
		counts[at] = new(atomic.Int64)
		all.Add(1)
		go func() {
			defer all.Done()
			call, number := o.first+at/o.receivers, at%o.receivers
			if err := to.subscribe(call, number, counts[at]); err != nil {
				failed <- fmt.Errorf("receiver %d of call %d: %w", number, call, err)
			}
		}()
	}
	all.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
		return counts, nil
	}
}

// flowing waits until every receiver has got packets.
func flowing(counts []*atomic.Int64) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		silent := 0
		for _, count := range counts {
			if count.Load() == 0 {
				silent++
			}
		}
		if silent == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d receivers got nothing in 30 s", silent, len(counts))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func measure(sent *atomic.Int64, counts []*atomic.Int64, window time.Duration) {
	fmt.Println("begin")
	sentBefore, before := sent.Load(), snapshot(counts)
	time.Sleep(window)
	sentAfter, after := sent.Load(), snapshot(counts)
	for at := range after {
		after[at] -= before[at]
	}
	text, err := json.Marshal(map[string]any{"sent": sentAfter - sentBefore, "received": after})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

func snapshot(counts []*atomic.Int64) []int64 {
	found := make([]int64, len(counts))
	for at, count := range counts {
		found[at] = count.Load()
	}
	return found
}
