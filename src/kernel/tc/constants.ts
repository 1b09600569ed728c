// Numbers of traffic control in the kernel's spelling: linux/rtnetlink.h, pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h.

/** linux/netlink.h: the asker hears of the notification, too. */
export const NLM_F_ECHO = 0x8

export const RTM_NEWQDISC = 36
export const RTM_GETQDISC = 38
export const RTM_NEWTFILTER = 44
export const RTM_DELTFILTER = 45
export const RTM_GETTFILTER = 46

export const TCA_KIND = 1
export const TCA_OPTIONS = 2

export const TC_H_ROOT = 0xffffffff
export const TC_H_CLSACT = 0xfffffff1
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS): the ingress side of a clsact qdisc, and all of an ingress qdisc. */
export const TC_H_INGRESS_SIDE = 0xfffffff2

export const TCA_TBF_PARMS = 1
export const TCA_TBF_RATE64 = 4
export const TCA_TBF_BURST = 6
export const TC_LINKLAYER_ETHERNET = 1

export const TCA_U32_SEL = 5
export const TCA_U32_ACT = 7
export const TC_U32_TERMINAL = 1

export const TCA_ACT_KIND = 1
export const TCA_ACT_OPTIONS = 2
export const TC_ACT_STOLEN = 4
export const TCA_MIRRED_PARMS = 2
export const TCA_EGRESS_REDIR = 1

/** linux/if_ether.h, in network order as in tcm_info. */
export const ETH_P_ALL_BE = 0x0300
