//go:build linux

package server

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/internal/message"
)

// hub is the chat example of github.com/gorilla/websocket (hub.go, client.go), with prepared messages. One goroutine owns
// the set of readers. Each reader has two goroutines and a channel.
type hub struct {
	maker      *message.Maker
	upgrader   websocket.Upgrader
	readers    map[*client]bool
	broadcast  chan *websocket.PreparedMessage
	register   chan *client
	unregister chan *client
}

type client struct {
	hub  *hub
	conn *websocket.Conn
	send chan *websocket.PreparedMessage
}

// The values of the example.
const (
	writeWait      = 10 * time.Second
	pongWait       = 60 * time.Second
	pingPeriod     = pongWait * 9 / 10
	maxMessageSize = 512
)

func newHub() *hub {
	h := &hub{
		maker: message.NewMaker(), upgrader: websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024},
		readers: make(map[*client]bool), broadcast: make(chan *websocket.PreparedMessage),
		register: make(chan *client), unregister: make(chan *client),
	}
	go h.run()
	return h
}

func (h *hub) since() int64 { return int64(h.maker.Head()) }

func (h *hub) publish(seq int, stamp int64) error {
	body, err := h.maker.Next(seq, stamp)
	if err != nil {
		return err
	}
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, body)
	if err != nil {
		return err
	}
	h.broadcast <- m
	return nil
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			h.readers[c] = true
		case c := <-h.unregister:
			if h.readers[c] {
				delete(h.readers, c)
				close(c.send)
			}
		case m := <-h.broadcast:
			for c := range h.readers {
				select {
				case c.send <- m:
				default:
					close(c.send)
					delete(h.readers, c)
				}
			}
		}
	}
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c := &client{hub: h, conn: conn, send: make(chan *websocket.PreparedMessage, 256)}
	h.register <- c
	go c.writePump()
	go c.readPump()
}

func (c *client) readPump() {
	defer func() {
		c.hub.unregister <- c
		_ = c.conn.Close()
	}()
	c.conn.SetReadLimit(maxMessageSize)
	_ = c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (c *client) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer func() {
		ticker.Stop()
		_ = c.conn.Close()
	}()
	for {
		select {
		case m, ok := <-c.send:
			_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok {
				_ = c.conn.WriteMessage(websocket.CloseMessage, nil)
				return
			}
			if err := c.conn.WritePreparedMessage(m); err != nil {
				return
			}
		case <-ticker.C:
			_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}
