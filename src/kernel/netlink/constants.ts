// asm-generic/socket.h, linux/socket.h
export const SOL_SOCKET = 1
export const SO_RCVBUF = 8
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
export const SOL_NETLINK = 270

// linux/netlink.h: socket options
export const NETLINK_CAP_ACK = 10
export const NETLINK_EXT_ACK = 11
export const NETLINK_GET_STRICT_CHK = 12

// linux/netlink.h: messages that every family has
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLMSG_MIN_TYPE = 0x10

// linux/netlink.h: flags of any message, of a request for a change, of an ack
export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
export const NLM_F_ACK_TLVS = 0x200

// linux/netlink.h: enum nlmsgerr_attrs
export const NLMSGERR_ATTR_MSG = 1
export const NLMSGERR_ATTR_OFFS = 2

// linux/netlink.h: struct nlattr
export const NLA_HDRLEN = 4
export const NLA_F_NESTED = 0x8000
export const NLA_TYPE_MASK = 0x3fff
