package main

import (
	"net"
	"syscall"

	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// receiveBuffer holds a good second of one receiver's packets: a pause of this program, which
// shares its core with whatever else runs, must not look like a server's loss.
const receiveBuffer = 8 << 20

// roomyNet opens sockets with room; beyond the system's limit, which root may exceed.
type roomyNet struct{ transport.Net }

func newRoomyNet() (transport.Net, error) {
	plain, err := stdnet.NewNet()
	return &roomyNet{plain}, err
}

func (n *roomyNet) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	socket, err := net.ListenUDP(network, address)
	if err != nil {
		return nil, err
	}
	return socket, makeRoom(socket)
}

func makeRoom(socket *net.UDPConn) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(descriptor uintptr) {
		failed = syscall.SetsockoptInt(int(descriptor), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, receiveBuffer)
	})
	if err != nil {
		return err
	}
	return failed
}
