/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Where RXE's packets meet the network: sent, received, sent by IP because
 * layer 2 could not, dropped. A drop is traced where its counter moves, and
 * names that counter.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM rxe

#if !defined(_TRACE_RXE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_RXE_H

#include <linux/tracepoint.h>

struct rxe_pkt_info;

/*
 * @qpn: QP of this host, or what the BTH of a received packet asks for
 * @layer: 2 Ethernet, 3 IP, 0 looped back inside the device
 * @len: bytes from the IP header to the ICRC
 */
DECLARE_EVENT_CLASS(rxe_packet,
	TP_PROTO(const struct rxe_pkt_info *pkt, u32 qpn, u8 layer,
		 unsigned int len),
	TP_ARGS(pkt, qpn, layer, len),

	TP_STRUCT__entry(
		__string(dev, dev_name(&pkt->rxe->ib_dev.dev))
		__field(u32, qpn)
		__field(u32, psn)
		__field(unsigned int, len)
		__field(u8, opcode)
		__field(u8, layer)
	),

	TP_fast_assign(
		__assign_str(dev);
		__entry->qpn = qpn;
		__entry->psn = pkt->psn;
		__entry->len = len;
		__entry->opcode = pkt->opcode;
		__entry->layer = layer;
	),

	TP_printk("dev=%s layer=%u qpn=0x%06x opcode=0x%02x psn=%u len=%u",
		  __get_str(dev), __entry->layer, __entry->qpn,
		  __entry->opcode, __entry->psn, __entry->len)
);

DEFINE_EVENT(rxe_packet, rxe_tx,
	TP_PROTO(const struct rxe_pkt_info *pkt, u32 qpn, u8 layer,
		 unsigned int len),
	TP_ARGS(pkt, qpn, layer, len)
);

DEFINE_EVENT(rxe_packet, rxe_rx,
	TP_PROTO(const struct rxe_pkt_info *pkt, u32 qpn, u8 layer,
		 unsigned int len),
	TP_ARGS(pkt, qpn, layer, len)
);

DECLARE_EVENT_CLASS(rxe_packet_reason,
	TP_PROTO(const struct rxe_pkt_info *pkt, u32 qpn, u8 layer,
		 unsigned int len, const char *reason),
	TP_ARGS(pkt, qpn, layer, len, reason),

	TP_STRUCT__entry(
		__string(dev, dev_name(&pkt->rxe->ib_dev.dev))
		__string(reason, reason)
		__field(u32, qpn)
		__field(u32, psn)
		__field(unsigned int, len)
		__field(u8, opcode)
		__field(u8, layer)
	),

	TP_fast_assign(
		__assign_str(dev);
		__assign_str(reason);
		__entry->qpn = qpn;
		__entry->psn = pkt->psn;
		__entry->len = len;
		__entry->opcode = pkt->opcode;
		__entry->layer = layer;
	),

	TP_printk("dev=%s layer=%u qpn=0x%06x opcode=0x%02x psn=%u len=%u reason=%s",
		  __get_str(dev), __entry->layer, __entry->qpn,
		  __entry->opcode, __entry->psn, __entry->len,
		  __get_str(reason))
);

DEFINE_EVENT(rxe_packet_reason, rxe_fallback,
	TP_PROTO(const struct rxe_pkt_info *pkt, u32 qpn, u8 layer,
		 unsigned int len, const char *reason),
	TP_ARGS(pkt, qpn, layer, len, reason)
);

DEFINE_EVENT(rxe_packet_reason, rxe_drop,
	TP_PROTO(const struct rxe_pkt_info *pkt, u32 qpn, u8 layer,
		 unsigned int len, const char *reason),
	TP_ARGS(pkt, qpn, layer, len, reason)
);

#endif /* _TRACE_RXE_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
