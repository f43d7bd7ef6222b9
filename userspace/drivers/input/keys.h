/* SPDX-License-Identifier: MIT */
/*
 * Keys by their place, whatever is printed on them: usage numbers of the keyboard page.
 *
 * Source: USB HID Usage Tables, "Keyboard/Keypad Page (0x07)".
 */
#pragma once

#define KEY_NONE         0x00u
#define KEY_A            0x04u /* to Z, 0x1d */
#define KEY_1            0x1eu /* to 9, 0x26 */
#define KEY_0            0x27u
#define KEY_ENTER        0x28u
#define KEY_ESCAPE       0x29u
#define KEY_BACKSPACE    0x2au
#define KEY_TAB          0x2bu
#define KEY_SPACE        0x2cu
#define KEY_MINUS        0x2du
#define KEY_SLASH        0x38u
#define KEY_CAPS_LOCK    0x39u
#define KEY_F1           0x3au /* to F12, 0x45 */
#define KEY_PRINT_SCREEN 0x46u
#define KEY_SCROLL_LOCK  0x47u
#define KEY_PAUSE        0x48u
#define KEY_NUM_LOCK     0x53u
#define KEY_PAD_SLASH    0x54u
#define KEY_PAD_POINT    0x63u
#define KEY_CONTROL_LEFT 0xe0u /* then shift, alt, GUI; the same on the right from 0xe4 */
#define KEY_GUI_RIGHT    0xe7u
#define KEYS             0xe8u
