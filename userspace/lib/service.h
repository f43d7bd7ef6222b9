/* SPDX-License-Identifier: MIT */
/*
 * What all services have in common: somebody has started them, and may ask them to stop.
 *
 * A service adds lifecycle_interface (gen/interface/lifecycle_server.h) to those that it serves. The request to stop is obeyed from
 * the handle that its launcher has kept, known by its badge, and from no other.
 */
#pragma once

#define BADGE_SUPERVISOR                                                                           \
    1u /* of the launcher's handle to a service's mailbox; clients have others */

/*
 * service_at_stop() - have something done before the service ends because it was asked to: finish what has been begun. The last call
 * counts. The supervisor waits for the end only so long.
 */
void service_at_stop(void (*finish)(void));
