// Numbers of rtnetlink in the kernel's spelling: linux/rtnetlink.h, if_link.h, if_addr.h, if.h, neighbour.h, if_bridge.h.

export const NETLINK_ROUTE = 0

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26
export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
export const RTM_GETNEIGH = 30
export const RTM_NEWRULE = 32
export const RTM_DELRULE = 33
export const RTM_GETRULE = 34
export const RTM_NEWNETCONF = 80

// RTMGRP_* are bits, RTNLGRP_* and NFNLGRP_* numbers; linux/netconf.h, netfilter/nfnetlink.h
export const RTMGRP_LINK = 0x1
export const RTMGRP_NEIGH = 0x4
export const RTMGRP_IPV4_IFADDR = 0x10
export const RTMGRP_IPV4_ROUTE = 0x40
export const RTMGRP_IPV6_IFADDR = 0x100
export const RTMGRP_IPV6_ROUTE = 0x400
export const RTNLGRP_IPV4_NETCONF = 24
export const RTNLGRP_IPV6_NETCONF = 25
export const NETCONFA_IFINDEX = 1
export const NETCONFA_FORWARDING = 2
export const NETCONFA_IFINDEX_ALL = -1

export const IFF_UP = 0x1
export const IFF_LOOPBACK = 0x8
export const IFF_PROMISC = 0x100
export const IFF_ALLMULTI = 0x200
export const IF_OPER_UNKNOWN = 0
export const IF_OPER_UP = 6

export const IFLA_ADDRESS = 1
export const IFLA_IFNAME = 3
export const IFLA_MTU = 4
export const IFLA_LINK = 5
export const IFLA_MASTER = 10
export const IFLA_TXQLEN = 13
export const IFLA_OPERSTATE = 16
export const IFLA_LINKINFO = 18
export const IFLA_IFALIAS = 20
export const IFLA_AF_SPEC = 26
export const IFLA_GROUP = 27
export const IFLA_NET_NS_FD = 28
export const IFLA_EXT_MASK = 29
export const RTEXT_FILTER_BRVLAN = 2
export const RTEXT_FILTER_SKIP_STATS = 8

export const IFLA_INFO_KIND = 1
export const IFLA_INFO_DATA = 2
export const IFLA_INFO_SLAVE_KIND = 4
export const IFLA_INFO_SLAVE_DATA = 5
export const VETH_INFO_PEER = 1
export const IFLA_BR_VLAN_FILTERING = 7
export const IFLA_BRPORT_MODE = 4
export const IFLA_BRPORT_ISOLATED = 33

export const IFLA_BRIDGE_VLAN_INFO = 2
export const BRIDGE_VLAN_INFO_PVID = 0x2
export const BRIDGE_VLAN_INFO_UNTAGGED = 0x4
export const BRIDGE_VLAN_INFO_RANGE_BEGIN = 0x8
export const BRIDGE_VLAN_INFO_RANGE_END = 0x10

export const IFA_ADDRESS = 1
export const IFA_LOCAL = 2
export const IFA_BROADCAST = 4
export const IFA_FLAGS = 8
export const IFA_F_NODAD = 0x02
export const IFA_F_DADFAILED = 0x08
export const IFA_F_TENTATIVE = 0x40
export const IFA_F_MANAGETEMPADDR = 0x100
export const IFA_F_NOPREFIXROUTE = 0x200

export const RTA_DST = 1
export const RTA_OIF = 4
export const RTA_GATEWAY = 5
export const RTA_PRIORITY = 6
export const RTA_PREFSRC = 7
export const RTA_METRICS = 8
export const RTA_MULTIPATH = 9
export const RTA_TABLE = 15
export const RTNH_F_ONLINK = 0x4
export const RTAX_MTU = 2
export const RTAX_ADVMSS = 8
export const RT_TABLE_UNSPEC = 0
export const RT_TABLE_MAIN = 254
export const RTN_UNICAST = 1
export const RTPROT_UNSPEC = 0
export const RTPROT_BOOT = 3
export const RTPROT_RA = 9
export const RT_SCOPE_UNIVERSE = 0
export const RT_SCOPE_LINK = 253
export const RT_SCOPE_NOWHERE = 255

export const NDA_DST = 1
export const NDA_LLADDR = 2
export const NDA_IFINDEX = 8
export const NUD_PERMANENT = 0x80
export const NTF_SELF = 0x02

// linux/fib_rules.h
export const FRA_SRC = 2
export const FRA_PRIORITY = 6
export const FRA_TABLE = 15
export const FR_ACT_TO_TBL = 1
