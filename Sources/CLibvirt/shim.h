#pragma once
/* libvirt, and what of it Swift cannot see: callbacks whose types differ by the event. */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

typedef void (*clibvirt_hint)(const char *uuid, int rebooted, void *opaque);

struct clibvirt_listener {
    clibvirt_hint hint;
    void *opaque;
};

static inline void clibvirt_tell(virDomainPtr domain, int rebooted, void *listener) {
    struct clibvirt_listener *to = (struct clibvirt_listener *)listener;
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    if (domain && virDomainGetUUIDString(domain, uuid) < 0) uuid[0] = 0;
    to->hint(uuid, rebooted, to->opaque);
}

static inline int clibvirt_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *listener) {
    (void)connection, (void)event, (void)detail;
    clibvirt_tell(domain, 0, listener);
    return 0;
}

static inline void clibvirt_reboot(virConnectPtr connection, virDomainPtr domain, void *listener) {
    (void)connection;
    clibvirt_tell(domain, 1, listener);
}

static inline void clibvirt_device_removed(virConnectPtr connection, virDomainPtr domain, const char *alias, void *listener) {
    (void)connection, (void)alias;
    clibvirt_tell(domain, 0, listener);
}

static inline void clibvirt_closed(virConnectPtr connection, int reason, void *listener) {
    (void)connection, (void)reason;
    clibvirt_tell(0, 0, listener);
}

/* Registers for everything that is a hint. The listener lives as long as the process.
   0, or -1 with libvirt's error of this thread. */
static inline int clibvirt_listen(virConnectPtr connection, struct clibvirt_listener *listener) {
    if (virConnectDomainEventRegisterAny(connection, 0, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(clibvirt_lifecycle), listener, 0) < 0) return -1;
    if (virConnectDomainEventRegisterAny(connection, 0, VIR_DOMAIN_EVENT_ID_REBOOT,
                                         VIR_DOMAIN_EVENT_CALLBACK(clibvirt_reboot), listener, 0) < 0) return -1;
    /* Not every driver has it. */
    virConnectDomainEventRegisterAny(connection, 0, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                                     VIR_DOMAIN_EVENT_CALLBACK(clibvirt_device_removed), listener, 0);
    return virConnectRegisterCloseCallback(connection, clibvirt_closed, listener, 0);
}

/* The driver's parts that a domain of ours may have: all of them go with its definition. */
enum {
    CLIBVIRT_UNDEFINE_ALL = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        | VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
};
static inline int clibvirt_undefine(virDomainPtr domain) { return virDomainUndefineFlags(domain, CLIBVIRT_UNDEFINE_ALL); }

static inline void clibvirt_silent(void *data, virErrorPtr error) { (void)data, (void)error; }
/* Errors are returned; libvirt would write them to the standard error as well. */
static inline void clibvirt_silence(void) { virSetErrorFunc(0, clibvirt_silent); }
